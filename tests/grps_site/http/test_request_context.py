import json
import logging
from typing import Any

import pytest
from django.test import Client

from audits.models import AuditEvent
from grps_site.celery import send_request_id
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
    send_request_id(headers=headers)
    assert headers == {"request_id": "portal:8"}


def test_every_request_is_one_line_of_log_without_its_query(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="grps.http"):
        client.get("/players?search=somebody", headers={"X-Request-ID": "portal:9"})
    lines = [record.msg for record in caplog.records if record.name == "grps.http"]
    assert len(lines) == 1
    line = lines[0]
    assert isinstance(line, dict)
    assert (line["method"], line["path"], line["status"]) == ("GET", "/players", 200)
    assert line["request_id"] == "portal:9"
    assert line["ms"] >= 0
    assert "somebody" not in json.dumps(line, default=str)
