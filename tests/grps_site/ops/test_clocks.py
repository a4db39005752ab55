"""Machines whose clocks are hours wrong: findings, and real web servers that still work."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import time_machine
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from common.database_clock import database_time
from grps_site.models import Heartbeat
from grps_site.ops import checks, clocks
from grps_site.ops.unhealthy import Unhealthy
from tests.conftest import WITHOUT_LIMITS, Live, events

HOUR = dt.timedelta(hours=1)
# Python imports it at its start.
SITE = """
import datetime, time_machine
now = datetime.datetime.now(datetime.UTC)
time_machine.travel(now + datetime.timedelta(hours={hours})).start()
"""


@pytest.fixture(scope="module", params=[-2, 2], ids=["slow", "fast"])
def wrong_server(
    request: pytest.FixtureRequest,
    serve: Callable[..., str],
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """Start a web server whose clock is two hours wrong."""
    folder: Path = tmp_path_factory.mktemp("clock")
    (folder / "sitecustomize.py").write_text(SITE.format(hours=request.param))
    return serve(PYTHONPATH=str(folder), **WITHOUT_LIMITS)


def test_a_web_server_with_a_wrong_clock_judges_events_by_the_databases(
    live: Live, api_key: str, wrong_server: str
) -> None:
    now = timezone.now()
    moments = [now, now - 3 * HOUR, now + HOUR]
    batch = events(1, 1, 1)
    for number, (event, at) in enumerate(zip(batch["events"], moments, strict=True), 1):
        event |= {"sequence": number, "total": number * 0.25, "occurredAt": at.isoformat()}
    with httpx.Client(base_url=wrong_server, timeout=30) as http:
        http_live = Live(wrong_server, http)
        answer = http_live.play(api_key, "/roblox/events", batch).json()
        signed = http_live.signed("POST", "/automation/decisions", {"userId": 1})
        deep = http.get("/health/deep").json()
        ready = http.get("/health/ready")
    assert answer["accepted"] == 2
    assert [(one["index"], one["code"]) for one in answer["rejected"]] == [(2, "TOO_EARLY")]
    assert signed.status_code != 401
    assert not deep["checks"]["clocks"]["ok"]
    assert "web" in deep["checks"]["clocks"]["detail"]
    assert ready.status_code == 200


@pytest.mark.django_db
def test_a_skew_of_this_machine_is_a_finding_and_a_metric(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = "a token"
    assert checks.check_clock() == []
    with time_machine.travel(timezone.now() - 2 * HOUR):
        (warning,) = checks.check_clock()
        with pytest.raises(Unhealthy, match="web -7200 s"):
            clocks.check_clocks()
        page = client.get("/metrics", headers={"Authorization": "Bearer a token"})
    assert "7200 s behind" in warning.msg
    assert 'grps_clock_skew_seconds{name="web"} -7' in page.content.decode()


@pytest.mark.django_db
def test_a_skew_of_a_worker_is_a_finding() -> None:
    Heartbeat.objects.create(name="worker", seen_at=database_time(), clock_skew=30.5)
    with pytest.raises(Unhealthy, match=r"worker \+30 s"):
        clocks.check_clocks()


@pytest.mark.django_db
@pytest.mark.usefixtures("bootstrapped")
def test_a_heartbeat_from_the_future_is_wrong(client: Client) -> None:
    Heartbeat.objects.create(name="beat", seen_at=database_time() + 2 * HOUR)
    beat = client.get("/health/deep").json()["checks"]["beat"]
    assert not beat["ok"]
    assert "in the future" in beat["detail"]


@pytest.mark.django_db
def test_check_with_a_database_compares_the_clocks(capsys: pytest.CaptureFixture[str]) -> None:
    with time_machine.travel(timezone.now() + 2 * HOUR):
        call_command("check", databases=["default"])
    assert "grps.W015" in capsys.readouterr().err
