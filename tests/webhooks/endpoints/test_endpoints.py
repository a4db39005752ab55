"""Adding and changing endpoints: errors name the field, and secrets stay secret."""

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from audits.models import AuditEvent
from common import encryption
from tests.webhooks.conftest import OLGA, Office
from tests.webhooks.receivers import Receiver
from webhooks.endpoints import sealed_values, services, validation
from webhooks.endpoints.validation import EndpointInput
from webhooks.formats.base import BadEndpoint
from webhooks.models import WebhookEndpoint
from webhooks.outbound import worker

ADDRESS = "http://127.0.0.1:8099/private-path-token"
GOOD = {"name": "portal", "kind": "standard", "address": ADDRESS, "events": ["rank.*"]}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": " "}, "name: "),
        ({"name": "x" * 61}, "name: "),
        ({"kind": "pigeon"}, "kind: there is no kind 'pigeon'"),
        ({"address": ""}, "address: "),
        ({"address": "ftp://example.org/"}, "address: "),
        ({"address": "http://10.0.0.1/"}, "address: "),
        ({"address": "https://user:pw@example.org/"}, "address: "),
        ({"kind": "discord"}, "address: this is no Discord webhook"),
        ({"events": []}, "events: name at least one"),
        ({"events": ["rank."]}, "events: 'rank.' is no pattern"),
        ({"events": ["comet.*"]}, "events: no event fits 'comet.*'"),
        ({"experiences": ["atlantis"]}, "experiences: there is no experience 'atlantis'"),
        ({"rate": 0}, "rate: "),
        ({"headers": {"Host": "x"}}, "headers: Host is set by GRPS"),
        ({"headers": {"webhook-id": "x"}}, "headers: webhook-id is set by GRPS"),
        ({"headers": {"X-A": "b\r\nX-C: d"}}, "headers: the value of X-A"),
        ({"headers": {"X A": "b"}}, "headers: 'X A' is not a valid name"),
    ],
)
def test_what_cannot_work_is_refused_by_the_fields_name(
    office: Office, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadEndpoint, match="^" + words.replace("*", r"\*").replace(".", r"\.")):
        services.create(EndpointInput(**(GOOD | changes)), actor=OLGA)
    assert not WebhookEndpoint.objects.exists()


def test_two_endpoints_do_not_share_a_name(office: Office) -> None:
    services.create(EndpointInput(**GOOD), actor=OLGA)
    with pytest.raises(BadEndpoint, match=r"^name: there is an endpoint 'portal' already"):
        services.create(EndpointInput(**GOOD), actor=OLGA)


@pytest.mark.parametrize(
    "secret", ["whsec_short", "whsec_" + "A" * 12, "whsec_" + "A" * 200, "not base64!"]
)
def test_a_secret_that_is_none_is_refused(office: Office, secret: str) -> None:
    with pytest.raises(BadEndpoint, match=r"^secret: "):
        services.create(EndpointInput(**GOOD), actor=OLGA, secret=secret)


def test_addresses_and_secrets_are_stored_encrypted(office: Office) -> None:
    headers = {"Authorization": "Bearer very-private"}
    endpoint, secret = services.create(EndpointInput(**GOOD, headers=headers), actor=OLGA)
    services.rotate(endpoint.pk, actor=OLGA)
    services.change(endpoint.pk, EndpointInput(**(GOOD | {"name": "other"})), actor=OLGA)
    endpoint.refresh_from_db()
    assert (endpoint.address, endpoint.headers, endpoint.previous_secret) == (
        ADDRESS,
        headers,
        secret,
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(e::text, '') FROM webhook_endpoints e")
        stored = cursor.fetchone()[0]
        cursor.execute("SELECT string_agg(a::text, '') FROM audits a")
        stored += cursor.fetchone()[0]
        cursor.execute("SELECT string_agg(a::text, '') FROM audit_personal a")
        stored += cursor.fetchone()[0]
    for private in ("private-path-token", "very-private", secret, secret.removeprefix("whsec_")):
        assert private not in stored


def test_the_key_of_the_environment_can_be_rotated(office: Office, settings: Any) -> None:
    endpoint, _ = services.create(EndpointInput(**GOOD), actor=OLGA)
    old = settings.FIELD_ENCRYPTION_KEYS[0]
    new = base64.b64encode(b"k" * 32).decode()
    settings.FIELD_ENCRYPTION_KEYS = [new, old]
    assert sealed_values.reseal_all() == 2
    settings.FIELD_ENCRYPTION_KEYS = [new]
    assert WebhookEndpoint.objects.get(pk=endpoint.pk).address == ADDRESS
    settings.FIELD_ENCRYPTION_KEYS = [old]
    with pytest.raises(encryption.NoKey, match="FIELD_ENCRYPTION_KEYS"):
        _ = WebhookEndpoint.objects.get(pk=endpoint.pk).address


def test_without_a_key_nothing_is_stored_and_one_is_asked_for(
    office: Office, settings: Any
) -> None:
    settings.FIELD_ENCRYPTION_KEYS = []
    with pytest.raises(BadEndpoint, match="FIELD_ENCRYPTION_KEYS is not configured"):
        services.create(EndpointInput(**GOOD), actor=OLGA)


def test_an_endpoint_that_cannot_be_opened_blocks_no_other(
    office: Office, receiver: Receiver, settings: Any
) -> None:
    lost = office.endpoint(receiver, name="lost", events=["policy.*"])
    old = settings.FIELD_ENCRYPTION_KEYS[0]
    settings.FIELD_ENCRYPTION_KEYS = [base64.b64encode(b"k" * 32).decode()]
    office.endpoint(receiver, name="fine", events=["policy.*"])
    office.happen()
    assert office.deliver() == 1
    lost.refresh_from_db()
    assert lost.status == "active"
    assert "FIELD_ENCRYPTION_KEYS" in lost.reason
    settings.FIELD_ENCRYPTION_KEYS = [*settings.FIELD_ENCRYPTION_KEYS, old]
    office.pass_time(minutes=2)
    assert office.deliver() == 1


def test_a_change_holds_from_the_next_call_on(office: Office, receiver: Receiver) -> None:
    endpoint = office.endpoint(receiver, events=["policy.*"])
    office.happen()
    office.deliver()
    headers = validation.parse_headers("Authorization: Bearer 1\n\nX-Team: red\n")
    wanted = EndpointInput(
        name="standard",
        kind="standard",
        address=receiver.url + "moved",
        events=["policy.*"],
        headers=headers,
    )
    services.change(endpoint.pk, wanted, actor=OLGA)
    office.happen()
    office.deliver()
    assert [request.path for request in receiver.requests] == ["/hooks/grps", "/moved"]
    assert receiver.requests[1].headers["authorization"] == "Bearer 1"
    event = AuditEvent.objects.filter(action="endpoint.changed").get()
    assert event.details["addressChanged"] is True
    assert "moved" not in json.dumps(event.details)


def test_deleting_removes_deliveries_and_leaves_an_event(
    office: Office, receiver: Receiver
) -> None:
    endpoint = office.endpoint(receiver, events=["policy.*"])
    office.happen()
    office.deliver()
    services.delete(endpoint.pk, actor=OLGA, reason="the portal was switched off")
    assert not WebhookEndpoint.objects.exists()
    assert (
        AuditEvent.objects.filter(action="endpoint.deleted", target_id=str(endpoint.pk)).count()
        == 1
    )


def test_an_endpoint_is_deleted_with_deliveries_under_way(
    office: Office, receiver: Receiver
) -> None:
    """Both use the same rows, from opposite ends."""
    with ThreadPoolExecutor(1) as pool:
        for number in range(4):
            endpoint = office.endpoint(receiver, name=f"short-lived {number}", events=["policy.*"])
            for _ in range(60):
                office.happen()
            office.fan_out()
            delivering = pool.submit(worker.run, 60)
            while not endpoint.deliveries.filter(status="delivered").exists():
                time.sleep(0.01)
            services.delete(endpoint.pk, actor=OLGA, reason="it was short-lived")
            delivering.result(timeout=60)
    assert not WebhookEndpoint.objects.exists()
