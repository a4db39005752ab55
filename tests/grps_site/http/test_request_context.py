import json
import logging
from typing import Any

import pytest
from django.test import Client

from audits.models import AuditEvent
from common import tracing
from grps_site.celery import send_ids
from grps_site.ops import json_logs, log_fields
from tests.conftest import events

pytestmark = pytest.mark.usefixtures("bootstrapped")


def test_a_sane_request_id_comes_back(client: Client) -> None:
    assert (
        client.get("/ranks", headers={"X-Request-ID": "portal:7.a_B-1"})["X-Request-ID"]
        == "portal:7.a_B-1"
    )


@pytest.mark.parametrize("given", ["", "a b", "a\tb", "x" * 129, "é", "<script>", "a;b"])
def test_another_one_is_replaced(client: Client, given: str) -> None:
    answered = client.get("/ranks", headers={"X-Request-ID": given})["X-Request-ID"]
    assert answered != given
    assert len(answered) == 32


def test_a_log_line_shows_what_hides() -> None:
    """Bidirectional marks and line separators are escaped, so that a line is what it says."""
    record = logging.LogRecord("x", logging.INFO, "", 0, "ni\u202ea\u2028\ud800\x85é", None, None)
    line = json_logs._json(log_fields.Contract("grps-web", "1", "test")).format(record)
    assert line.isprintable()
    assert json.loads(line)["message"] == "ni\u202ea\u2028\ud800\x85é"


def test_two_requests_have_two_ids(client: Client) -> None:
    assert client.get("/ranks")["X-Request-ID"] != client.get("/ranks")["X-Request-ID"]


def test_an_audit_event_carries_the_request_id(client: Client, api_key: str) -> None:
    headers = {"x-grps-api-key": api_key, "X-Request-ID": "server-5-batch-1"}
    answer = client.post(
        "/roblox/events", events(5), content_type="application/json", headers=headers
    )
    assert answer.json()["accepted"] == 1
    assert AuditEvent.objects.filter(
        action="points.ingested", request_id="server-5-batch-1"
    ).exists()


def test_a_task_that_a_request_starts_is_told_the_id(client: Client) -> None:
    client.get("/ranks", headers={"X-Request-ID": "portal:8"})
    headers: dict[str, Any] = {}
    send_ids(headers=headers)
    assert headers["request_id"] == "portal:8"
    trace = headers["traceparent"].split("-")[1]
    assert trace == tracing.trace_id_of("portal:8")


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def line_of(caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    (line,) = [record.msg for record in caplog.records if record.name == "grps.http"]
    assert isinstance(line, dict)
    return line


def test_a_trace_of_the_caller_continues_in_the_log(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="grps.http"):
        answer = client.get("/ranks", headers={"traceparent": PARENT, "X-Request-ID": "portal:1"})
    line = line_of(caplog)
    assert (line["trace_id"], line["request_id"]) == (TRACE, "portal:1")
    assert answer["X-Request-ID"] == "portal:1"
    assert len(line["span_id"]) == 16
    assert line["span_id"] not in PARENT


def test_a_trace_without_a_request_id_is_the_request_id(client: Client) -> None:
    assert client.get("/ranks", headers={"traceparent": PARENT})["X-Request-ID"] == TRACE


@pytest.mark.parametrize(
    "given",
    [
        "",
        "00",
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-00f067aa0ba902b7-01",
        f"00-{TRACE}x-00f067aa0ba902b7-01",
    ],
)
def test_an_invalid_trace_is_replaced(
    client: Client, caplog: pytest.LogCaptureFixture, given: str
) -> None:
    with caplog.at_level(logging.INFO, logger="grps.http"):
        client.get("/ranks", headers={"traceparent": given, "X-Request-ID": "portal:1"})
    assert line_of(caplog)["trace_id"] == tracing.trace_id_of("portal:1")


def test_what_is_passed_on_belongs_to_the_present_step_or_to_the_cause() -> None:
    assert tracing.headers() == {}
    tracing.bind("game:1", PARENT)
    assert tracing.headers()["X-Request-ID"] == "game:1"
    assert tracing.headers()["traceparent"].split("-")[1] == TRACE
    assert tracing.headers("game:2")["X-Request-ID"] == "game:2"
    assert tracing.headers("game:2")["traceparent"].split("-")[1] == tracing.trace_id_of("game:2")


def test_every_request_is_one_line_of_log_without_its_query(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="grps.http"):
        client.get("/players?search=somebody", headers={"X-Request-ID": "portal:9"})
    line = line_of(caplog)
    duration = line["http"].pop("duration_ms")
    assert line["http"] == {"method": "GET", "route": "players", "status_code": 200}
    assert duration >= 0
    assert line["request_id"] == "portal:9"
    assert "somebody" not in json.dumps(line, default=str)


def test_the_path_is_logged_for_debugging_only(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="grps.http"):
        client.get("/players/1")
    assert line_of(caplog)["http"]["path"] == "/players/1"
