import datetime as dt
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from grps_site.models import Heartbeat
from grps_site.tasks import heartbeat
from tests.conftest import events, free_port

pytestmark = pytest.mark.usefixtures("bootstrapped")


def seen(**ages: float) -> None:
    for name, seconds in ages.items():
        moment = timezone.now() - dt.timedelta(seconds=seconds)
        Heartbeat.objects.update_or_create(name=name, defaults={"seen_at": moment})


def bad(client: Client) -> set[str]:
    answer = client.get("/health/ready")
    parts = answer.json()["checks"]
    found = {name for name, part in parts.items() if not part["ok"]}
    assert answer.status_code == (503 if found else 200)
    assert all(part["detail"] for part in parts.values())
    return found


def _away(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
    raise OperationalError("the server closed the connection")


def test_the_process_lives_whatever_the_database_does(client: Client) -> None:
    with connection.execute_wrapper(_away):
        answer = client.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_it_is_ready_when_everything_was_seen_lately(client: Client) -> None:
    seen(worker=5, beat=5)
    assert bad(client) == set()


@pytest.mark.parametrize("name", ["worker", "beat"])
def test_it_is_not_ready_when_one_was_not_seen_for_long(client: Client, name: str) -> None:
    seen(**({"worker": 5, "beat": 5} | {name: 3600}))
    assert bad(client) == {name}


def test_it_is_not_ready_when_one_was_never_seen(client: Client) -> None:
    seen(beat=5)
    assert bad(client) == {"worker"}


def test_it_is_not_ready_without_a_broker(client: Client, settings: Any) -> None:
    seen(worker=5, beat=5)
    settings.REDIS_URL = settings.CELERY_BROKER_URL = f"redis://127.0.0.1:{free_port()}/0"
    assert bad(client) == {"broker"}


def test_it_is_not_ready_without_a_database(client: Client) -> None:
    with connection.execute_wrapper(_away):
        assert bad(client) == {"database", "migrations", "worker", "beat"}


def test_it_is_not_ready_before_the_database_is_migrated(client: Client) -> None:
    seen(worker=5, beat=5)
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM django_migrations WHERE id = (SELECT max(id) FROM django_migrations WHERE app = 'players')"
        )
    assert bad(client) == {"migrations"}


def test_a_worker_is_seen_when_it_runs_the_heartbeat(client: Client) -> None:
    seen(beat=5)
    heartbeat()
    assert bad(client) == set()


def test_beat_is_seen_though_no_worker_runs(client: Client) -> None:
    heartbeat.apply_async(expires=1)
    assert bad(client) == {"worker"}


def test_freshness_counts_what_there_is(client: Client, api_key: str) -> None:
    before = client.get("/metrics/health?n=before").json()
    headers = {"x-grps-api-key": api_key}
    sent = client.post(
        "/roblox/events", events(5), content_type="application/json", headers=headers
    )
    assert sent.json()["accepted"] == 1
    after = client.get("/metrics/health?n=after").json()
    assert after["totalPlayers"] == before["totalPlayers"] + 1
    assert after["updatedLastHour"] == before["updatedLastHour"] + 1
    assert after["unsealedEvents"] > before["unsealedEvents"] > 0
    assert (before["lastSealAt"], after["lastSealAt"]) == (None, None)


def test_metrics_are_for_whoever_has_the_token(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = "a token of the tests"
    for given in (
        {},
        {"Authorization": "Bearer another"},
        {"Authorization": "a token of the tests"},
    ):
        refused = client.get("/metrics", headers=given)
        assert (refused.status_code, refused["Content-Type"]) == (401, "application/problem+json")
        assert refused["WWW-Authenticate"] == "Bearer"
    shown = client.get("/metrics", headers={"Authorization": "Bearer a token of the tests"})
    assert shown.status_code == 200
    for name in ("grps_request_seconds_count", "grps_audit_unsealed", "grps_decisions_proposed"):
        assert name in shown.content.decode()


def test_metrics_are_closed_without_a_token(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 401


def test_metrics_name_routes_and_not_what_callers_invent(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = "a token of the tests"
    client.get("/players/987654321987")
    client.get("/an/address/nobody/has")
    client.generic("INVENTED", "/ranks")
    shown = client.get(
        "/metrics", headers={"Authorization": "Bearer a token of the tests"}
    ).content.decode()
    assert 'route="players/<userid:user_id>"' in shown
    assert not any(word in shown for word in ("987654321987", "nobody", "INVENTED"))


def test_no_model_has_changed_without_a_migration() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
