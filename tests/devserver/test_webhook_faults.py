"""Random processes are killed while events are sent to two receivers.

No event is lost, and few arrive twice.
"""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import Any

import psycopg
from standardwebhooks.webhooks import Webhook

from common.environment import BASE_DIR
from tests.devserver.conftest import Up
from tests.webhooks.receivers import Receiver

LONG = bool(os.environ.get("GRPS_LONG"))
EVENTS, KILLS, PAUSE = (5_000, 30, 0.3) if LONG else (200, 5, 0.8)
VICTIMS = ["webhook-worker", "postgres", "worker", "valkey", "beat", "webhook-worker"]
SLOTS = 16  # calls to one endpoint that a killed worker may leave without a recorded outcome
PATIENCE = 1800 if LONG else 300  # seconds

SET_UP = """
from audits.record import Actor
from webhooks.endpoints import services
from webhooks.endpoints.validation import EndpointInput
for name, url in {receivers!r}.items():
    wanted = EndpointInput(name=name, kind="standard", address=url, events=["member.joined"])
    print("secret", name, services.create(wanted, actor=Actor("staff", "1", "Olga", "staff:1"))[1])
"""
HAPPEN = """
import time
from django.db import OperationalError, transaction
from audits.actions import Action
from audits.record import Actor, Target, record
done = 0
while done < {events}:
    try:
        with transaction.atomic():
            for number in range(done, done + 10):
                record(Action.MEMBER_JOINED, actor=Actor("system", "tests", "tests"),
                       target=Target("member", str(number), ""))
        done += 10
    except OperationalError:
        transaction.get_connection().close()
    time.sleep({pause})
"""


def test_nothing_is_lost_and_little_comes_twice_through_kills(up: Up) -> None:
    ready = up.start()
    with Receiver() as portal, Receiver() as archive:
        secrets = _set_up(up, {"portal": portal.url, "archive": archive.url})
        outage = threading.Thread(
            target=_shell, args=(up, HAPPEN.format(events=EVENTS, pause=PAUSE))
        )
        outage.start()
        killed = _kill_at_random(up)
        outage.join()
        happened = _count(ready, "audits WHERE action = 'member.joined'")
        _until(
            lambda: _count(ready, "webhook_deliveries WHERE status = 'delivered'") == 2 * happened
        )
        for name, receiver in (("portal", portal), ("archive", archive)):
            _check(ready, name, secrets[name], receiver, killed)


def _check(
    ready: dict[str, Any], name: str, secret: str, receiver: Receiver, killed: list[str]
) -> None:
    rows = _rows(
        ready,
        "SELECT 'msg_' || replace(message::text, '-', ''), a.target_id FROM webhook_deliveries d"
        f" JOIN webhook_endpoints e ON e.id = d.endpoint_id JOIN audits a ON a.id = d.event_id WHERE e.name = '{name}'",
    )
    arrived = Counter(request.headers["webhook-id"] for request in receiver.requests)
    assert set(arrived) == {message for message, _ in rows}
    told = {json.loads(request.body)["data"]["target"]["id"] for request in receiver.requests}
    assert told == {str(number) for number in range(EVENTS)}
    repeats = sum(arrived.values()) - len(arrived)
    assert repeats <= SLOTS * killed.count("webhook-worker"), (repeats, killed)
    if LONG:
        assert repeats < len(rows) / 100, (repeats, killed)
    for request in receiver.requests:
        # The messages are old by now, and this test does not check the verifier's time window.
        signed = Webhook(secret).sign(
            msg_id=request.headers["webhook-id"],
            timestamp=_moment(request.headers["webhook-timestamp"]),
            data=request.body.decode(),
        )
        assert signed in request.headers["webhook-signature"].split(" ")


def _moment(seconds: str) -> Any:
    import datetime as dt

    return dt.datetime.fromtimestamp(int(seconds), dt.UTC)


def _set_up(up: Up, receivers: dict[str, str]) -> dict[str, str]:
    output = _shell(up, SET_UP.format(receivers=receivers))
    return {
        line.split()[1]: line.split()[2]
        for line in output.splitlines()
        if line.startswith("secret ")
    }


def _shell(up: Up, code: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v0", "-c", code],
        cwd=BASE_DIR,
        env=up.environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _kill_at_random(up: Up) -> list[str]:
    dice = random.Random(int(os.environ.get("GRPS_SEED", "17")))
    victims = [
        VICTIMS[number] if number < len(VICTIMS) else dice.choice(VICTIMS)
        for number in range(KILLS)
    ]
    for victim in victims:
        time.sleep(dice.uniform(0.5, 3))
        up.kill(victim)
        up.wait_for(up.everything_is_up)
    return victims


def _until(condition: Any) -> None:
    """Wait for a condition, and retry while a killed database is unavailable."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            if condition():
                return
        except psycopg.Error:
            time.sleep(0.2)
        assert time.monotonic() < deadline
        time.sleep(0.5)


def _count(ready: dict[str, Any], what: str) -> int:
    return int(_rows(ready, f"SELECT count(*) FROM {what}")[0][0])


def _rows(ready: dict[str, Any], query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(ready["databaseUrl"]) as database:
        return database.execute(query).fetchall()  # type: ignore[call-overload, no-any-return]
