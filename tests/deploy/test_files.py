"""The image's recipe, Compose and the platforms' files agree with the roles and their own schemas."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from common.environment import BASE_DIR
from deploy import image_files, role

BIN = Path(sys.executable).parent
COMPOSE = yaml.safe_load((BASE_DIR / "compose.yaml").read_text())
PROCESSES = set(role.PROCESSES)


def test_compose_holds_its_schema() -> None:
    _passes("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml")


@pytest.mark.parametrize("file", ["Dockerfile", "deploy/portal/Dockerfile"])
def test_a_dockerfile_passes_hadolint(file: str) -> None:
    _passes("hadolint", "--failure-threshold", "warning", file)


def test_compose_runs_every_process_after_the_release() -> None:
    services = COMPOSE["services"]
    for name in PROCESSES:
        assert services[name]["command"] == [name]
        assert (services[name]["depends_on"]["release"]["condition"]) == (
            "service_completed_successfully"
        )
        assert services[name]["read_only"]
        assert services[name]["cap_drop"] == ["ALL"]
    assert "database_owner_url" in services["release"]["secrets"]
    assert not any("database_owner_url" in services[name]["secrets"] for name in PROCESSES)


def test_compose_keeps_seals_and_database_apart() -> None:
    volumes = {
        name: {mount.partition(":")[0] for mount in service.get("volumes", [])}
        for name, service in COMPOSE["services"].items()
    }
    assert "seals" in volumes["worker"]
    assert "seals" not in volumes["postgres"]
    assert "postgres" not in volumes["worker"]


def test_every_secret_of_compose_is_defined_and_read_from_its_file() -> None:
    defined = set(COMPOSE["secrets"])
    used = {name for one in COMPOSE["services"].values() for name in one.get("secrets", [])}
    assert used == defined
    variables = COMPOSE["services"]["release"]["environment"]
    files = {name: value for name, value in variables.items() if name.endswith("_FILE")}
    for name, path in files.items():
        if path.startswith("/run/secrets/"):
            assert path == f"/run/secrets/{name.removesuffix('_FILE').lower()}"


def test_the_procfile_has_every_role() -> None:
    lines = (BASE_DIR / "Procfile").read_text().splitlines()
    commands = dict(line.split(": ", 1) for line in lines)
    assert commands == {
        name: f"python -m deploy.role {name}" for name in (*role.PROCESSES, "release")
    }


def test_fly_runs_every_process() -> None:
    fly = tomllib.loads((BASE_DIR / "fly.toml").read_text())
    assert fly["processes"] == {name: name for name in role.PROCESSES}
    assert fly["deploy"]["release_command"] == "release"


def test_the_image_holds_what_production_imports_and_nothing_else() -> None:
    lines = (BASE_DIR / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    allowed = {line[1:] for line in lines if line.startswith("!")}
    folders = {name for name in allowed if (BASE_DIR / name).is_dir()}
    assert folders == {*image_files.PACKAGES, "config", "templates"}
    assert {name for name in allowed if not (BASE_DIR / name).exists()} == set()
    for closed in ("discord/emulator", "roblox/emulator", "roblox/luau", "**/.env*"):
        assert closed in lines


def _passes(program: str, *arguments: str) -> None:
    done = subprocess.run(
        [BIN / program, *arguments], cwd=BASE_DIR, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
