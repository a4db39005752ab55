"""`make up`: one process starts everything, restarts what died, and stops everything."""

import json
import os
import random
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import psycopg
import pytest
import redis
import structlog
from celery import Celery

from common.environment import BASE_DIR
from devserver.process import Service
from devserver.state import State
from devserver.supervisor import ServiceFailed, Supervisor
from grps_site.ops import database_roles
from tests.devserver.conftest import Up, open_to_others

LONG = bool(os.environ.get("GRPS_LONG"))


def test_everything_that_make_up_keeps_is_closed_to_others(shared_up: Up) -> None:
    wide = shared_up.state / "logs" / "web.log"
    wide.parent.mkdir(parents=True)
    wide.write_text("what an earlier version wrote\n")
    for path in (shared_up.state, wide.parent):
        path.chmod(0o755)
    wide.chmod(0o644)
    former = os.umask(0o022)
    try:
        shared_up.start()
    finally:
        os.umask(former)
    shared_up.wait_for(shared_up.everything_is_up)
    assert (shared_up.state / "ready.json").exists()
    assert open_to_others(shared_up.state) == []


def test_it_serves_keeps_its_data_and_ends_cleanly(shared_up: Up) -> None:
    ready = shared_up.ensure()
    file = shared_up.state / "ready.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert {
        "url",
        "databaseUrl",
        "redisUrl",
        "admin",
        "experiences",
        "signatureSecret",
    } <= ready.keys()
    assert shared_up.http.get("/health/live").json() == {"status": "ok"}
    assert redis.Redis.from_url(ready["redisUrl"]).ping()
    with psycopg.connect(ready["databaseUrl"]) as database:
        assert database.execute("SELECT count(*) FROM ranks").fetchone() == (24,)
        assert database.execute(database_roles.PRIVILEGES).fetchone() == (
            False,
            False,
            0,
            0,
            False,
            False,
        )
    _no_process_knows_the_owner(ready, shared_up)
    _sign_in(ready)
    shared_up.wait_for(shared_up.is_ready, every=0.2)
    _send(ready, shared_up)

    second = subprocess.run(
        [sys.executable, "-m", "devserver", "up"],
        cwd=BASE_DIR,
        env=shared_up.environment,
        capture_output=True,
        text=True,
    )
    assert second.returncode == 1
    assert "stop it first" in second.stderr

    _follow_a_request_id_into_a_task(ready, shared_up)
    family = shared_up.family()
    code, output = shared_up.stop()
    assert code == 0
    assert output.count("\n") == 1, output
    assert str(file) in output
    assert not file.exists()
    assert [process for process in family if _lives(process)] == []

    again = shared_up.start()
    assert again == ready
    page = shared_up.http.get("/leaderboard/top").json()
    assert [player["userId"] for player in page["players"]] == [42]


def _no_process_knows_the_owner(ready: dict[str, Any], up: Up) -> None:
    """Check that no process has the owner's database password, in case one is taken over."""
    secret = urlsplit(ready["ownerDatabaseUrl"]).password
    assert secret
    assert secret != urlsplit(ready["databaseUrl"]).password
    for name in ("web", "worker", "sync-worker", "webhook-worker", "beat"):
        process = psutil.Process(up.processes()[name]["pid"])
        for one in (process, *process.children(recursive=True)):
            assert secret not in "".join(one.environ().values())


def _lives(process: psutil.Process) -> bool:
    """Return whether a process runs. A zombie does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _follow_a_request_id_into_a_task(ready: dict[str, Any], up: Up) -> None:
    with (
        structlog.contextvars.bound_contextvars(request_id="trace-me-7"),
        Celery(broker=ready["redisUrl"], set_as_current=False) as app,
    ):
        app.send_task("players.evaluate_due", queue="grps")
    log = up.state / "logs" / "worker.log"
    up.wait_for(lambda: "evaluated" in log.read_text())
    lines = [json.loads(line) for line in log.read_text().splitlines() if "evaluated" in line]
    assert "trace-me-7" in {line["request_id"] for line in lines}


def _sign_in(ready: dict[str, Any]) -> None:
    with httpx.Client(base_url=ready["url"], follow_redirects=True, timeout=60) as browser:
        page = browser.get("/admin/sign-in/local/?next=/admin/")
        admin = {"login": ready["admin"]["username"], "password": ready["admin"]["password"]}
        form = {"csrfmiddlewaretoken": browser.cookies["grps-csrf"], **admin}
        inside = browser.post(
            "/admin/sign-in/local/?next=/admin/", data=form, headers={"Referer": str(page.url)}
        )
        assert "Sign out" in inside.text


def _send(ready: dict[str, Any], up: Up) -> None:
    event = {"userId": 42, "username": "Deep", "session": 1, "sequence": 1, "type": "training"}
    event |= {"awarded": 15, "total": 15, "occurredAt": "2026-01-02T03:04:05Z"}
    body = json.dumps({"server": {"placeId": 1, "jobId": "j"}, "events": [event]})
    answer = up.http.post("/roblox/events", content=body, headers=_headers(ready))
    assert answer.json()["accepted"] == 1


@pytest.mark.parametrize("repeat", range(3 if LONG else 1))
def test_two_web_processes_with_equal_batches_act_once(shared_up: Up, repeat: int) -> None:
    ready = shared_up.ensure()
    users = range(1000 * (repeat + 1), 1000 * (repeat + 1) + 60)
    batches = [_batch(users, number, random.Random(repeat)) for number in range(1, 9)]

    def send(body: str) -> tuple[int, int]:
        headers = _headers(ready) | {"connection": "close"}  # so that both processes get some
        answer = shared_up.http.post("/roblox/events", content=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()["accepted"], answer.json()["duplicates"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, [body for body in batches for _ in range(4)]))
    assert sum(accepted for accepted, _ in answers) == 8 * 300
    assert sum(duplicates for _, duplicates in answers) == 3 * 8 * 300
    pages = [shared_up.http.get(f"/players/{user_id}").json() for user_id in users]
    assert [page["points"] for page in pages] == [8 * 75] * 60
    done = _manage(shared_up, "ledger", "verify")
    assert done.returncode == 0, done.stderr


def _batch(users: range, session: int, dice: random.Random) -> str:
    """Build a game server's batch: five trainings of each user in one session, in any order."""
    events = [
        {
            "userId": user_id,
            "username": f"twin_{user_id}",
            "session": session,
            "sequence": sequence,
            "type": "training",
            "awarded": 15,
            "total": 15 * sequence,
            "occurredAt": "2026-01-02T03:04:05Z",
        }
        for user_id in users
        for sequence in range(1, 6)
    ]
    dice.shuffle(events)
    return json.dumps({"server": {"placeId": 1, "jobId": "j"}, "events": events})


def _headers(ready: dict[str, Any]) -> dict[str, str]:
    key = ready["experiences"][0]["apiKey"]
    return {"x-grps-api-key": key, "content-type": "application/json"}


def _manage(up: Up, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=BASE_DIR, env=up.environment, capture_output=True, text=True)


def test_without_the_emulator_nothing_of_roblox_is_started(shared_up: Up) -> None:
    shared_up.ensure()
    assert "emulator" not in shared_up.processes()
    shown = _manage(shared_up, "sync", "mirrors")
    assert "OFF. ROBLOX_WRITES is off." in shown.stdout, shown.stderr


def test_a_killed_process_comes_back_once(shared_up: Up) -> None:
    shared_up.ensure()
    for name in ("web", "worker", "postgres"):
        before = set(psutil.Process(shared_up.processes()[name]["pid"]).children(recursive=True))
        shared_up.kill(name)
        shared_up.wait_for(shared_up.everything_is_up)
        assert not {child for child in before if _lives(child)}
    shared_up.wait_for(shared_up.is_ready, every=0.2)


def test_what_is_killed_again_before_it_is_up_comes_back_too(shared_up: Up) -> None:
    shared_up.ensure()
    shared_up.wait_for(shared_up.everything_is_up)
    shared_up.kill("worker")
    shared_up.kill("worker")
    shared_up.wait_for(shared_up.everything_is_up)


def test_nothing_outlives_a_supervisor_that_is_killed(shared_up: Up) -> None:
    shared_up.ensure()
    family = shared_up.family()
    assert shared_up.process is not None
    shared_up.process.send_signal(signal.SIGKILL)
    shared_up.process.wait()
    _, alive = psutil.wait_procs(family, timeout=60)
    assert [process.cmdline() for process in alive] == []
    shared_up.start()


def test_repeated_deaths_end_everything_with_the_last_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken, lives = tmp_path / "broken", tmp_path / "lives"
    # The service is up once it has written to the file, so it writes only if nothing is broken.
    fail = f"echo life >> {lives}; echo the disk is full; exit 7"
    script = f"if [ -e {broken} ]; then {fail}; fi; echo life >> {lives}; exec sleep 600"

    def is_up(_: Service) -> bool:
        return lives.exists() and lives.read_text() != "" and not broken.exists()

    service = Service("sleeper", ["sh", "-c", script], tmp_path / "sleeper.log", is_up)
    with Supervisor(State.at(tmp_path)) as supervisor:
        supervisor.add([service])
        broken.touch()
        assert service.process is not None
        service.process.kill()
        with pytest.raises(
            ServiceFailed, match=r"(?s)sleeper ended with code 7; .*the disk is full"
        ):
            supervisor.run()
    assert lives.read_text().count("life") == 1 + service.tries
    assert "GRPS: sleeper ended with code -9, and is restarted" in capsys.readouterr().err


def test_a_failed_start_ends_everything_with_its_log(shared_up: Up) -> None:
    shared_up.ensure()
    shared_up.stop()
    process = subprocess.run(
        [sys.executable, "-m", "devserver", "up", "--port", str(shared_up.port)],
        cwd=BASE_DIR,
        env=shared_up.environment | {"LOG_LEVEL": "NONSENSE"},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 1
    assert "LOG_LEVEL" in process.stderr
    assert not (shared_up.state / "ready.json").exists()
