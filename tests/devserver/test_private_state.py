"""Only the owner can read the state of `make up`, also after an upgrade from older versions."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from devserver import postgres
from devserver.os_users import reachable_folder, unprivileged
from devserver.state import State
from devserver.supervisor import Supervisor
from tests.devserver.conftest import open_to_others


def test_the_folder_around_two_states_is_closed_too(tmp_path: Path) -> None:
    around = tmp_path / ".local"
    (around / "test").mkdir(parents=True)
    around.chmod(0o755)
    State.at(around / "test")
    assert open_to_others(around) == []


@pytest.fixture
def reachable() -> Iterator[Path]:
    """Return a state folder that PostgreSQL's account can reach, as in earlier versions."""
    home = Path(tempfile.mkdtemp(dir="/var/tmp"))
    home.chmod(0o755)
    account = unprivileged()
    yield home / "state"
    shutil.rmtree(home)
    if account is not None:
        shutil.rmtree(reachable_folder(home / "state" / "postgres", account), ignore_errors=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another account")
def test_a_database_of_an_earlier_version_is_kept(
    reachable: Path,
) -> None:
    state = State.at(reachable)
    port = state.port("postgres")
    with Supervisor(state) as supervisor:
        supervisor.add([postgres.service(state, port)])
        postgres.create_database(state, port)
    account = unprivileged()
    assert account is not None
    kept = reachable_folder(reachable / "postgres", account)
    shutil.move(kept, reachable / "postgres")  # its place in earlier versions
    with Supervisor(State.at(reachable)) as supervisor:
        supervisor.add([postgres.service(state, port)])
        with psycopg.connect(state.environment(port, port)["DATABASE_URL"]) as database:
            assert database.execute("SELECT current_database()").fetchone() == ("grps",)
    assert stat.S_IMODE(reachable.stat().st_mode) == 0o700
    assert not (reachable / "postgres").exists()
    shutil.rmtree(reachable)
    state = State.at(reachable)  # as after `make clean`: new passwords, and a new database
    with Supervisor(state) as supervisor:
        supervisor.add([postgres.service(state, state.port("postgres"))])
