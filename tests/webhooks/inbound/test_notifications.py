"""`POST /webhooks/roblox` accepts only Roblox. Each notification counts once, and none is lost."""

import json
import threading
import time
from typing import Any

import pytest
import structlog
from celery import Celery
from django.db import connection
from django.test import Client

from audits.models import AuditEvent
from common.task_hints import Hint
from grps_site.ops import brokers
from players.models import ErasureOrder
from tests.shared_clock import clock_at
from tests.webhooks.inbound.conftest import SECRET, Sender, notification
from webhooks.inbound import notifications
from webhooks.models import RobloxNotification

VECTOR = (
    b'{"NotificationId":"n-1","EventType":"RightToErasureRequest","EventTime":"2023-11-14T22:13:20Z",'
    b'"EventPayload":{"UserId":1,"GameIds":[1234,2345]}}'
)
VECTOR_SIGNATURE = "PYdKeoA5fBHbSquIxIau/iyS0p9dTA98lUMN3p10raw="


def stored() -> list[tuple[str, str, str]]:
    rows = RobloxNotification.objects.order_by("pk").values_list(
        "notification_id", "event_type", "status"
    )
    return list(rows)


def test_the_signature_is_that_of_the_test_vector(settings: Any) -> None:
    settings.ROBLOX_WEBHOOK_SECRET, settings.ROBLOX_WEBHOOK_SECRET_PREVIOUS = SECRET, ""
    with clock_at(1_700_000_100):
        notifications.verify(f"t=1700000000,v1={VECTOR_SIGNATURE}", VECTOR)
        notifications.verify(f"v1={VECTOR_SIGNATURE}, t=1700000000", VECTOR)
        for header, body in (
            (f"t=1700000001,v1={VECTOR_SIGNATURE}", VECTOR),
            (f"t=1700000000,v1={VECTOR_SIGNATURE}", VECTOR + b" "),
            (f"t=1700000000,v1={VECTOR_SIGNATURE[:-1]}", VECTOR),
        ):
            with pytest.raises(notifications.BadSignature, match="does not fit"):
                notifications.verify(header, body)


@pytest.mark.django_db
def test_an_erasure_request_is_stored_and_becomes_an_order(roblox: Sender) -> None:
    answer = roblox.erase(77, "n-1")
    assert answer.json() == {"notificationId": "n-1", "status": "handled", "repeated": False}
    order = ErasureOrder.objects.get()
    assert (order.user_id, order.games, order.status, order.notification_id) == (
        77,
        [1234, 2345],
        "open",
        "n-1",
    )
    assert (order.due_at - order.received_at).days == 30
    assert stored() == [("n-1", "RightToErasureRequest", "handled")]
    event = AuditEvent.objects.get(action="erasure.ordered")
    assert (event.target_kind, event.target_id) == ("erasure", str(order.pk))
    assert "77" not in json.dumps(event.details).replace(order.due_at.isoformat(), "")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("", "t=<seconds"),
        ("t=%d", "no v1="),
        ("t=%d,v1=", "no v1="),
        ("t=%d,v1=AAAA", "does not fit"),
        ("t=%d,v1=\u00e9\u00e9", "no v1="),
        ("t=,v1=AAAA", "t=<seconds"),
        ("t=soon,v1=AAAA", "t=<seconds"),
        ("t=99999999999999999999,v1=AAAA", "t=<seconds"),
        ("v1=AAAA", "t=<seconds"),
    ],
)
def test_whoever_does_not_prove_to_be_roblox_is_refused(
    roblox: Sender, header: str, words: str
) -> None:
    proof = header.replace("%d", str(int(time.time())))
    answer = roblox.send(
        notification("SampleNotification", {"UserId": 1}), **{"roblox-signature": proof}
    )
    assert answer.status_code == 401
    assert words in answer.json()["detail"]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert stored() == []


@pytest.mark.django_db
@pytest.mark.parametrize("off", [-301, 301, -86_400, 86_400])
def test_an_old_or_future_call_is_refused(roblox: Sender, off: int) -> None:
    body = notification("SampleNotification", {"UserId": 1}, "n-1")
    now = int(time.time())
    with clock_at(now):
        answer = roblox.send(body, at=now + off)
        assert (answer.status_code, "5 minutes off" in answer.json()["detail"]) == (401, True)
        assert roblox.send(body, at=now + (300 if off > 0 else -300)).status_code == 200
    assert len(stored()) == 1


@pytest.mark.django_db
def test_the_previous_secret_is_accepted_while_configured(roblox: Sender, settings: Any) -> None:
    settings.ROBLOX_WEBHOOK_SECRET, settings.ROBLOX_WEBHOOK_SECRET_PREVIOUS = (
        "a newer secret",
        SECRET,
    )
    sample = notification("SampleNotification", {"UserId": 1}, "n-1")
    assert roblox.send(sample).status_code == 200
    assert roblox.send(sample, secret="a newer secret").status_code == 200
    settings.ROBLOX_WEBHOOK_SECRET_PREVIOUS = ""
    assert roblox.send(sample).status_code == 401


@pytest.mark.django_db
def test_without_a_secret_it_is_closed_and_says_so(roblox: Sender, settings: Any) -> None:
    settings.ROBLOX_WEBHOOK_SECRET = ""
    for secret in ("", SECRET):
        answer = roblox.send(notification("SampleNotification", {"UserId": 1}), secret=secret)
        assert answer.status_code == 401
        assert "ROBLOX_WEBHOOK_SECRET is not configured" in answer.json()["detail"]


@pytest.mark.django_db
def test_the_bytes_are_signed_and_not_what_they_mean(roblox: Sender) -> None:
    odd = b'\r\n{ "EventPayload" :{"UserId":  77.0 , "Name":"\\u00e9\xc3\xa9"},\t"EventType":"SampleNotification",'
    odd += b'"NotificationId":"n-1" ,"Later": [1e2, null]}\n '
    assert roblox.send(odd).status_code == 200
    assert RobloxNotification.objects.get().payload == {"UserId": 77, "Name": "\u00e9\u00e9"}
    moment = str(int(time.time()))
    proof = f"t={moment},v1={notifications.signature(SECRET, moment, json.dumps(json.loads(odd)).encode()).decode()}"
    assert roblox.send(odd, **{"roblox-signature": proof}).status_code == 401


@pytest.mark.django_db
def test_a_repeat_is_answered_like_the_first_and_does_nothing(roblox: Sender) -> None:
    first, again = roblox.erase(77, "n-1"), roblox.erase(77, "n-1")
    assert (first.json()["repeated"], again.json()["repeated"]) == (False, True)
    assert again.json()["status"] == "handled"
    assert ErasureOrder.objects.count() == len(stored()) == 1
    assert AuditEvent.objects.filter(action="erasure.ordered").count() == 1


@pytest.mark.django_db(transaction=True)
def test_repeats_at_the_same_time_make_one_order(roblox: Sender) -> None:
    answers: list[int] = []

    def send() -> None:
        answers.append(roblox.erase(77, "n-1").status_code)
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 8
    assert ErasureOrder.objects.count() == len(stored()) == 1


@pytest.mark.django_db
def test_a_sample_is_handled_and_what_is_not_known_is_stored(roblox: Sender) -> None:
    roblox.notify("SampleNotification", {"UserId": 1}, "n-1")
    roblox.notify(
        "CommerceProductOrderPaid", {"OrderId": "x", "Deep": {"List": [1, {"a": None}]}}, "n-2"
    )
    answer = roblox.notify("SomethingOfNextYear", {}, "n-3")
    assert answer.json() == {"notificationId": "n-3", "status": "stored", "repeated": False}
    assert stored() == [
        ("n-1", "SampleNotification", "handled"),
        ("n-2", "CommerceProductOrderPaid", "stored"),
        ("n-3", "SomethingOfNextYear", "stored"),
    ]
    assert not ErasureOrder.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "JSON"),
        (b"hello", "JSON"),
        (b"[]", "object"),
        (b"null", "object"),
        (b'{"EventType":"SampleNotification"}', "NotificationId"),
        (b'{"NotificationId":"n-1"}', "EventType"),
        (b'{"NotificationId":"","EventType":"x"}', "NotificationId"),
        (b'{"NotificationId":7,"EventType":"x"}', "NotificationId"),
        (b'{"NotificationId":"n\\u0000","EventType":"x"}', "NotificationId"),
        (b'{"NotificationId":"%s","EventType":"x"}' % (b"n" * 129), "NotificationId"),
        (b'{"NotificationId":"n-1","EventType":"x","EventPayload":[]}', "EventPayload"),
        (b'{"NotificationId":"n-1","EventType":"RightToErasureRequest"}', "UserId"),
        (
            b'{"NotificationId":"n-1","EventType":"RightToErasureRequest","EventPayload":{"UserId":0}}',
            "UserId",
        ),
        (
            b'{"NotificationId":"n-1","EventType":"RightToErasureRequest","EventPayload":{"UserId":"me"}}',
            "UserId",
        ),
        (
            b'{"NotificationId":"n-1","EventType":"RightToErasureRequest","EventPayload":{"UserId":1e30}}',
            "UserId",
        ),
        (
            b'{"NotificationId":"n-1","EventType":"x","EventPayload":'
            + b'{"a":' * 5000
            + b"1"
            + b"}" * 5001,
            "",
        ),
    ],
)
def test_a_broken_body_is_a_problem_that_names_the_field(
    roblox: Sender, body: bytes, word: str
) -> None:
    answer = roblox.send(body)
    assert answer.status_code == 400, answer.content
    assert word in answer.json()["detail"]
    assert stored() == []
    assert not ErasureOrder.objects.exists()


@pytest.mark.django_db
def test_a_deeply_nested_payload_is_stored(roblox: Sender) -> None:
    for depth in (100, 400, 900):
        body = (
            b'{"NotificationId":"n-%d","EventType":"x","EventPayload":' % depth
            + b'{"a":' * depth
            + b"1"
        )
        answer = roblox.send(body + b"}" * (depth + 1))
        assert answer.status_code in {200, 400}, answer.content


@pytest.mark.django_db
@pytest.mark.parametrize(
    "payload",
    [
        {"UserId": "77", "GameIds": [1]},
        {"UserId": 77.0},
        {"UserId": 77, "GameIds": None},
        {"UserId": 77, "GameIds": ["x", {}], "Later": 1},
    ],
)
def test_an_erasure_order_is_not_lost_for_its_form(roblox: Sender, payload: Any) -> None:
    body = json.loads(notification("RightToErasureRequest", payload)) | {"EventTime": "yesterday"}
    answer = roblox.send(json.dumps(body).encode(), **{"Content-Type": "text/plain"})
    assert answer.status_code == 200, answer.content
    assert ErasureOrder.objects.get().user_id == 77
    assert RobloxNotification.objects.get().event_time is None


@pytest.mark.django_db
def test_orders_are_not_throttled_away(roblox: Sender, settings: Any) -> None:
    settings.THROTTLE_WRITE_PER_MINUTE = settings.THROTTLE_PUBLIC_PER_MINUTE = 1
    assert {roblox.erase(user_id).status_code for user_id in range(1, 31)} == {200}


@pytest.mark.django_db
def test_an_order_is_kept_while_the_broker_is_away(
    roblox: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = Celery("away", broker="redis://127.0.0.1:1/0", set_as_current=False)
    app.conf.broker_transport_options = brokers.transport_options("redis://127.0.0.1:1/0")
    monkeypatch.setattr(
        "players.tasks.ERASING", Hint(app.task(name="tests.away")(_nothing), every=0)
    )
    with structlog.testing.capture_logs() as said:
        roblox.erase(77)
    assert [line["task"] for line in said if "task" in line] == ["tests.away"]
    assert ErasureOrder.objects.get().user_id == 77


@pytest.mark.django_db
def test_a_large_body_is_refused_and_get_is_not_allowed(roblox: Sender) -> None:
    assert roblox.send(b" " * 1_048_577).status_code == 413
    assert Client().get("/webhooks/roblox").status_code in {401, 405}


def _nothing() -> None:
    """Never runs."""
