"""`player.erased` tells receivers whom to forget, and leaves the id nowhere."""

import json
from typing import Any

from django.db import connection
from django.utils import timezone

from audits.actions import Action
from audits.models import AuditEvent
from players.models import ErasureOrder
from players.moderation.actors import Staff
from players.privacy import orders
from tests.webhooks.conftest import OLGA, Office, answering
from tests.webhooks.receivers import Receiver
from webhooks.endpoints import redelivery
from webhooks.models import WebhookAttempt, WebhookDelivery

USER = 4_815_162_342
OPERATOR = Staff(OLGA, rank=None, bypasses_second_person=True)


def order() -> ErasureOrder:
    return orders.order_by_hand(USER, by=OPERATOR, reason="an order", now=timezone.now())


def data(receiver: Receiver, number: int = -1) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(receiver.requests[number].body)["data"]
    return found


def test_a_receiver_is_told_whom_to_forget(office: Office, receiver: Receiver) -> None:
    office.endpoint(receiver, events=["player.erased"])
    player = office.player(USER)
    order()
    office.deliver()
    assert (data(receiver)["userId"], data(receiver)["target"]) == (
        str(USER),
        {"kind": "player", "id": str(player.pk)},
    )


def test_the_id_stays_in_no_event_and_no_stored_call(office: Office, receiver: Receiver) -> None:
    receiver.answer = lambda request: (200, {}, request.body)  # it repeats what it got
    office.endpoint(receiver, events=["*"])
    office.player(USER)
    order()
    office.deliver()
    assert any(str(USER).encode() in request.body for request in receiver.requests)
    event = AuditEvent.objects.get(action=Action.PLAYER_ERASED)
    assert str(USER) not in json.dumps([event.details, event.commitments, event.target_id])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM webhook_attempts a WHERE a::text LIKE %s", [f"%{USER}%"]
        )
        assert cursor.fetchone()[0] == 0
    assert WebhookAttempt.objects.filter(request__contains="not stored").count() == 1


def test_a_message_after_the_order_was_closed_says_no_id(
    office: Office, receiver: Receiver
) -> None:
    receiver.answer = answering(500)
    office.endpoint(receiver, events=["player.erased"])
    office.player(USER)
    found = order()
    office.deliver()
    assert data(receiver)["userId"] == str(USER)
    closed = orders.done_by_hand(
        found.pk, [], by=OPERATOR, reason="deleted by hand", now=timezone.now()
    )
    assert closed.status == ErasureOrder.Status.DONE
    receiver.answer = answering(200)
    redelivery.resend(WebhookDelivery.objects.get().pk, actor=OLGA)
    office.deliver()
    assert len(receiver.requests) == 2
    assert "userId" not in data(receiver)
    assert str(USER).encode() not in receiver.requests[-1].body


def test_people_in_a_channel_are_not_told(office: Office, receiver: Receiver) -> None:
    office.endpoint(receiver, "discord", events=["player.erased"])
    office.player(USER)
    order()
    office.deliver()
    assert str(USER).encode() not in receiver.requests[0].body
