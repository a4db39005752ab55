"""Sign-in addresses are deleted after their retention, and the log proves that they existed."""

import datetime as dt
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import transaction
from django.test import Client
from django.utils import timezone

from audits import client_addresses
from audits.chain.sealing import seal_pending
from audits.chain.verify import verify
from audits.models import AuditEvent, AuditPersonal
from audits.record import erase
from grps_site import tasks
from grps_site.management.commands.bootstrap import NIGHTLY
from tests.console.people import PASSWORD, local_owner

ADDRESS = "203.0.113.77"
DAY = dt.timedelta(days=1)


@pytest.fixture
def signed_in(transactional_db: None, bootstrapped: None, settings: Any) -> None:
    """Make one failed and one successful sign-in."""
    settings.LOCAL_LOGIN, settings.LOCAL_LOGIN_MFA = True, False
    local_owner("Olga_Owner")
    for password in ("a guess", PASSWORD):
        Client(REMOTE_ADDR=ADDRESS).post(
            "/admin/sign-in/local/", {"login": "Olga_Owner", "password": password}
        )
    assert known() == {
        "staff.signed_in": {"address", "actorName"},
        "staff.sign_in_failed": {"address", "targetName"},
    }


def known() -> dict[str, set[str]]:
    """Return the personal fields that the log still has of each kind of sign-in."""
    events = AuditEvent.objects.filter(action__startswith="staff.sign")
    return {
        event.action: set(AuditPersonal.objects.filter(event=event).values_list("field", flat=True))
        for event in events
    }


def test_addresses_are_forgotten_after_30_and_90_days(
    signed_in: None,
) -> None:
    now = timezone.now()
    assert client_addresses.forget_due(now + 29 * DAY) == 0
    assert client_addresses.forget_due(now + 31 * DAY) == 2
    assert known() == {"staff.signed_in": {"address", "actorName"}, "staff.sign_in_failed": set()}
    assert client_addresses.forget_due(now + 91 * DAY) == 1
    assert known()["staff.signed_in"] == {"actorName"}
    assert not AuditPersonal.objects.filter(value=ADDRESS).exists()
    while seal_pending():
        pass
    assert verify().findings == []
    told = AuditEvent.objects.filter(action="audit.forgotten").order_by("pk")
    assert [one.details for one in told] == [
        {"personalRows": 2, "why": "age"},
        {"personalRows": 1, "why": "age"},
    ]


def test_many_are_forgotten_in_several_transactions(
    signed_in: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_addresses, "BATCH", 1)
    assert client_addresses.forget_due(timezone.now() + 91 * DAY) == 3
    assert AuditEvent.objects.filter(action="audit.forgotten").count() == 2


def test_values_deleted_by_hand_are_found(signed_in: None) -> None:
    client_addresses.forget_due(timezone.now() + 31 * DAY)
    with transaction.atomic():
        assert erase(AuditPersonal.objects.get(field="address").subject) > 0
    while seal_pending():
        pass
    assert "values were deleted" in " ".join(one.message for one in verify().findings)


def test_it_is_done_every_night(signed_in: None) -> None:
    assert "grps_site.forget_addresses" in NIGHTLY
    assert tasks.forget_addresses() == 0


def test_sessions_that_are_over_go_with_their_addresses(signed_in: None) -> None:
    session = Session.objects.get(session_key=UserSession.objects.get().session_key)
    assert tasks.purge_sessions() == 0
    Session.objects.filter(pk=session.pk).update(expire_date=timezone.now() - DAY)
    assert tasks.purge_sessions() >= 1
    assert not UserSession.objects.exists()
    assert not Session.objects.filter(pk=session.pk).exists()
