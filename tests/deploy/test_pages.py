"""The commands of the pages about running GRPS are tried on a new cluster and a new checkout."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from common.environment import BASE_DIR
from deploy import compose_secrets
from devserver import postgres
from tests import clusters, template_database
from tests.deploy.installation import Installation, settings
from tests.deploy.pages import PAGES, Block, blocks

ALL = [block for page in PAGES for block in blocks(page)]
LONG = "GRPS_LONG" in os.environ
PASSWORD = "a-password-of-the-test"
NAMES = re.compile(r"\bdeploy/[\w./*@-]+|\bgrps-[a-z-]+(?:\.timer)?(?= |$)", re.MULTILINE)


@pytest.mark.parametrize("block", ALL, ids=lambda block: f"{block.page}: {block.text[:30]}")
def test_a_block_is_marked_and_is_shell(block: Block) -> None:
    assert block.mark, f"{block.page} does not say whether this is tried:\n{block.text}"
    done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True)
    assert done.stderr == ""


@pytest.mark.parametrize("block", ALL, ids=lambda block: f"{block.page}: {block.text[:30]}")
def test_what_a_block_names_exists(block: Block) -> None:
    units = {path.name for path in (BASE_DIR / "deploy" / "systemd").iterdir()}
    for name in NAMES.findall(block.text):
        if name.startswith("deploy/"):
            assert list(BASE_DIR.glob(name)), name
        elif "systemctl" in block.text:
            assert {name, f"{name}.service"} & units, name


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[clusters.Cluster]:
    with clusters.cluster(tmp_path_factory.mktemp("pages-cluster")) as running:
        yield running


@pytest.fixture(scope="module")
def checkout(cluster: clusters.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Return a checkout in which nobody has done anything yet."""
    path = f"{postgres.installation() / 'bin'}:{os.environ['PATH']}"
    folder = tmp_path_factory.mktemp("pages")
    server = urlsplit(cluster.url())
    superuser = {"PGHOST": "127.0.0.1", "PGPORT": str(cluster.port), "PGDATABASE": "postgres"}
    superuser |= {"PGUSER": server.username or "", "PGPASSWORD": server.password or ""}
    return Installation.make(folder / "grps", {"PATH": path, **superuser})


def test_the_commands_for_systemd_make_an_installation_that_upgrades(
    checkout: Installation, cluster: clusters.Cluster, tmp_path: Path
) -> None:
    """Without GRPS_LONG the migrated tables are copied, and the upgrade is not tried."""
    for block in _tried("run-systemd.md"):
        if "python3 -m venv" in block.text:
            continue  # tests/deploy/installation.py made the environment by it
        said = _run(checkout, cluster, block)
        if "CREATE DATABASE" in block.text and not LONG:
            _copy_tables(cluster)
        if "install -m 640" in block.text:
            _fill_in(checkout, cluster, tmp_path)
    assert re.search(r"^grps_[0-9a-f]+_\S{40,}$", said, re.MULTILINE)  # the game's key
    for block in _tried("upgrade.md") if LONG else []:
        _run(checkout, cluster, block)


def test_the_secrets_of_compose_are_complete_and_stay(checkout: Installation) -> None:
    (block,) = _tried("run-container.md")
    folder = checkout.folder / "secrets"
    for _ in range(2):
        done = _bash(checkout, block.text.replace("cp ", "cp -f "))
        values = {file.name: file.read_text() for file in folder.iterdir()}
    assert "All files exist." in done
    assert set(values) == {*compose_secrets.RANDOM, *compose_secrets.addresses(folder)}
    assert values["grps_password"] in values["database_url"]
    assert folder.stat().st_mode & 0o077 == 0


def test_production_starts_with_the_secrets_of_compose(
    checkout: Installation, tmp_path: Path
) -> None:
    """Check that the settings accept the files, without a server."""
    compose_secrets.make(tmp_path / "secrets")
    known = {
        f"{file.name.upper()}_FILE": str(file)
        for file in (tmp_path / "secrets").iterdir()
        if not file.name.endswith("_password")
    }
    known |= {"ALLOWED_HOSTS": "grps.example.org", "AUDIT_SEAL_FILE": str(tmp_path / "seals")}
    (checkout.folder / ".env.production").unlink(missing_ok=True)
    done = checkout.run("-c", IMPORT, GRPS_ENV="production", **known)
    assert done.returncode == 0, done.stderr


IMPORT = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "grps_site.settings"
from django.conf import settings
assert settings.DATABASES["default"]["HOST"] == "postgres"
"""


def _tried(page: str) -> list[Block]:
    return [block for block in blocks(page) if block.is_tried]


def _run(checkout: Installation, cluster: clusters.Cluster, block: Block) -> str:
    text = block.text.replace("change-me", PASSWORD)
    return _bash(checkout, text.replace("db.example.org:5432", f"127.0.0.1:{cluster.port}"))


def _bash(checkout: Installation, text: str) -> str:
    done = subprocess.run(
        ["bash", "-euc", text],
        cwd=checkout.folder,
        env=checkout.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, text + done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout + done.stderr


def _copy_tables(cluster: clusters.Cluster) -> None:
    """Copy the template of the tests as the owner, which takes less time than all migrations."""
    source = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{template_database.NAME}")
    owner = f"postgresql://grps_owner:{PASSWORD}@127.0.0.1:{cluster.port}/grps"
    dump = clusters.run("pg_dump", "--no-owner", "--no-privileges", source.geturl())
    psql = [postgres.installation() / "bin" / "psql", "--quiet", "--set=ON_ERROR_STOP=1", owner]
    subprocess.run(psql, input=dump.stdout, text=True, check=True, capture_output=True)


def _fill_in(checkout: Installation, cluster: clusters.Cluster, folder: Path) -> None:
    """Give every setting of the example that is not optional a value."""
    url = f"postgresql://grps_app:{PASSWORD}@127.0.0.1:{cluster.port}/grps"
    known = settings(url, os.environ["REDIS_URL"], folder)
    file = checkout.folder / ".env.production"
    lines = file.read_text().splitlines()
    file.write_text("\n".join(_filled(line, known) for line in lines))


def _filled(line: str, known: dict[str, str]) -> str:
    name, _, value = line.partition("=")
    if name in known:
        return f"{name}={known[name]}"
    return f"{name}=" if "change-me" in value and not line.startswith("#") else line
