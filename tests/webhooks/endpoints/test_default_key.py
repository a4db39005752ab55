"""Endpoints without a secret of their own: WEBHOOK_VERIFICATION_KEY signs, and the one before."""

from typing import Any

from tests.webhooks.conftest import Office
from tests.webhooks.receivers import Receiver
from webhooks.endpoints import calls
from webhooks.formats.standard import signature
from webhooks.models import WebhookEndpoint

FIRST = "whsec_" + "QUFB" * 8
SECOND = "whsec_" + "QkJC" * 8


def test_messages_have_two_signatures_during_the_overlap(
    office: Office, receiver: Receiver, settings: Any
) -> None:
    settings.WEBHOOK_VERIFICATION_KEY = SECOND
    settings.WEBHOOK_VERIFICATION_KEY_PREVIOUS = FIRST
    office.endpoint(receiver)
    WebhookEndpoint.objects.update(secret_sealed="")
    calls._snapshots.clear()
    office.happen()
    office.deliver()
    got = receiver.requests[-1]
    parts = got.headers["webhook-id"], got.headers["webhook-timestamp"], got.body
    both = [signature(secret, *parts) for secret in (SECOND, FIRST)]
    assert got.headers["webhook-signature"].split() == both
