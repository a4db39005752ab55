"""The log verifies over a change of its signing key, without AUDIT_TRUSTED_KEYS."""

import base64
import secrets
from typing import Any

import pytest
from django.db import connection, transaction

from audits.chain import key_rotation, key_succession, sealing
from audits.chain.verify import verify
from audits.models import AuditEvent
from tests.conftest import TESTER


def new_seed() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def change(settings: Any) -> str:
    """Rotate the key, and return the former seed."""
    former, seed = settings.AUDIT_SIGNING_KEY, new_seed()
    with transaction.atomic():
        key_rotation.rotate(seed, actor=TESTER)
    sealing.seal_pending()  # a worker that was not restarted yet
    settings.AUDIT_SIGNING_KEY = seed
    return str(former)


def test_verify_follows_two_changes(chain: list[int], settings: Any) -> None:
    settings.AUDIT_TRUSTED_KEYS = []
    change(settings)
    change(settings)
    assert verify().findings == []
    assert len(sealing.trusted_keys()) == 3


def test_a_key_without_both_signatures_is_not_trusted(chain: list[int], settings: Any) -> None:
    settings.AUDIT_TRUSTED_KEYS = []
    change(settings)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audits DISABLE TRIGGER USER")
        cursor.execute(
            "UPDATE audits SET details = jsonb_set(details::jsonb, '{signedByOld}',"
            " details::jsonb->'signedByNew')::json WHERE action = 'signing_key.rotated'"
        )
        cursor.execute("ALTER TABLE audits ENABLE TRIGGER USER")
    assert len(sealing.trusted_keys()) == 1
    assert "not trusted" in str(verify().findings)


def test_a_retired_key_signs_no_later_seal(chain: list[int], settings: Any) -> None:
    settings.AUDIT_TRUSTED_KEYS = []
    former = change(settings)
    with transaction.atomic():
        key_rotation.retire(actor=TESTER)
    current, settings.AUDIT_SIGNING_KEY = settings.AUDIT_SIGNING_KEY, former
    sealing.seal_pending()
    settings.AUDIT_SIGNING_KEY = current
    assert {"it is signed with a key that was retired before"} == {
        finding.message for finding in verify().findings
    }


@pytest.mark.usefixtures("chain")
def test_the_event_has_public_keys_only(settings: Any) -> None:
    former = change(settings)
    event = AuditEvent.objects.get(action="signing_key.rotated")
    assert former not in str(event.details)
    assert settings.AUDIT_SIGNING_KEY not in str(event.details)
    assert event.details["new"] == key_succession.own_key()
