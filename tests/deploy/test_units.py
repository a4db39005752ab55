"""The systemd units: what systemd itself says about them, and that all of them agree."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from common.environment import BASE_DIR
from deploy import role

UNITS = BASE_DIR / "deploy" / "systemd"
PORTAL = BASE_DIR / "deploy" / "portal" / "grps-portal@.service"
SERVICES = sorted(UNITS.glob("*.service"))
MOST_EXPOSED = 4.0  # of 10
PRESENT = shutil.which("systemd-analyze") is not None
needs_systemd = pytest.mark.skipif(not PRESENT, reason="systemd-analyze is not installed")
# Files of an installation that this machine does not have.
NOT_HERE = re.compile(r"is not executable: No such file|Failed to open /etc/|Unit \S+ not found")


@needs_systemd
@pytest.mark.parametrize("unit", [*SERVICES, PORTAL], ids=lambda unit: unit.name)
def test_a_unit_is_closed(unit: Path) -> None:
    said = _analyze("security", "--offline=true", unit).stdout
    found = re.search(r"exposure level for \S+: ([\d.]+)", said)
    assert found is not None, said
    assert float(found[1]) <= MOST_EXPOSED


@needs_systemd
def test_systemd_understands_every_line() -> None:
    said = _analyze("verify", *sorted(UNITS.iterdir()), PORTAL).stderr
    assert [line for line in said.splitlines() if not NOT_HERE.search(line)] == []


@pytest.mark.parametrize("name", role.PROCESSES)
def test_every_process_has_a_unit_that_comes_back_and_has_a_folder_for_its_metrics(
    name: str,
) -> None:
    text = (UNITS / f"grps-{name}.service").read_text()
    assert re.search(rf"ExecStart=\S+ -m deploy.role {name}\b", text)
    for line in (
        "StartLimitIntervalSec=0",
        "Restart=always",
        "KillMode=mixed",
        "RuntimeDirectory=grps/%N",
        "RuntimeDirectoryPreserve=restart",
    ):
        assert f"\n{line}\n" in text
    assert "PROMETHEUS_MULTIPROC_DIR=/run/grps/%N/metrics" in text


def test_all_units_have_the_same_restrictions() -> None:
    assert len({_restrictions(unit) for unit in SERVICES}) == 1


def test_every_job_has_a_timer() -> None:
    jobs = {unit.stem for unit in SERVICES if "Type=oneshot" in unit.read_text()}
    assert jobs == {timer.stem for timer in UNITS.glob("*.timer")}
    assert jobs == {"grps-backup", "grps-drill", "grps-sync", "grps-verify"}


def _restrictions(unit: Path) -> str:
    return unit.read_text().partition("CapabilityBoundingSet=")[2].partition("\n\n")[0].strip()


def _analyze(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments], capture_output=True, text=True, check=False
    )
