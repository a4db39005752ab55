"""API keys in the console: requested, approved by another owner, and shown once to the first."""

import datetime as dt
import re
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from audits.models import AuditEvent
from players.models import Approval
from players.moderation import key_requests
from roblox import keys
from roblox.keys import KeyRefused
from roblox.models import Experience, ExperienceKey
from tests.conftest import TESTER
from tests.console.conftest import Make
from tests.console.people import client_with_role

LIST = "/admin/experiences/"
DECIDE = {"verb": "approve", "words": "agreed"}


def seen(client: Client, address: str = LIST) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return unescape(response.content.decode())


def shown(client: Client, pk: int) -> str:
    """Collect the key. Returns it as shown."""
    answer = client.post(f"/admin/keys/collect/{pk}/", follow=True)
    found = re.search(r'value="(grps_[^"]+)"', answer.content.decode())
    assert found is not None, unescape(answer.content.decode())[-3000:]
    assert "no-store" in answer["Cache-Control"]
    return found[1]


def test_a_key_is_made_by_two_and_shown_once(owner: Client, deputy: Client) -> None:
    owner.post(f"{LIST}nexus/new-key/", {"days": 30, "reason": "a new game server"})
    approval = Approval.objects.get()
    owner.post(f"/admin/approvals/{approval.pk}/", DECIDE)
    assert Approval.objects.get().status == "waiting"
    deputy.post(f"/admin/approvals/{approval.pk}/", DECIDE)
    assert not ExperienceKey.objects.exists()
    assert "Collect it" in seen(owner)
    assert "Collect it" not in seen(deputy)
    assert "Somebody else asked for it" in unescape(
        deputy.post(f"/admin/keys/collect/{approval.pk}/", follow=True).content.decode()
    )
    raw = shown(owner, approval.pk)
    assert keys.authenticate(raw).key == "nexus"
    again = owner.post(f"/admin/keys/collect/{approval.pk}/", follow=True)
    assert "collected already" in unescape(again.content.decode())
    assert raw not in seen(owner)
    assert ExperienceKey.objects.count() == 1
    assert raw not in str(list(AuditEvent.objects.values_list("details", flat=True)))


def test_rotation_ends_the_former_keys_once_collected(owner: Client, deputy: Client) -> None:
    nexus = Experience.objects.get(key="nexus")
    former, raw = keys.create(nexus, actor=TESTER)
    owner.post(f"{LIST}nexus/rotate/", {"overlap": 24, "reason": "once a quarter"})
    approval = Approval.objects.get()
    deputy.post(f"/admin/approvals/{approval.pk}/", DECIDE)
    former.refresh_from_db()
    assert former.expires_at is None
    shown(owner, approval.pk)
    former.refresh_from_db()
    assert former.expires_at is not None
    assert abs(former.expires_at - timezone.now() - dt.timedelta(days=1)) < dt.timedelta(minutes=5)
    assert keys.authenticate(raw)


def test_what_was_approved_long_ago_is_not_collected(owner: Client, deputy: Client) -> None:
    owner.post(f"{LIST}nexus/new-key/", {"reason": "a new game server"})
    approval = Approval.objects.get()
    deputy.post(f"/admin/approvals/{approval.pk}/", DECIDE)
    long_ago = timezone.now() - key_requests.COLLECTED_WITHIN - dt.timedelta(minutes=1)
    Approval.objects.update(decided_at=long_ago)
    answer = owner.post(f"/admin/keys/collect/{approval.pk}/", follow=True)
    assert "more than a day ago" in unescape(answer.content.decode())
    assert not ExperienceKey.objects.exists()


def test_one_request_for_an_experience_at_a_time(owner: Client) -> None:
    for _ in range(2):
        answer = owner.post(f"{LIST}nexus/new-key/", {"reason": "a new game server"})
    assert "asked for already" in unescape(answer.content.decode())
    assert Approval.objects.count() == 1


def test_revoking_acts_at_once_and_needs_a_reason(owner: Client) -> None:
    key, raw = keys.create(Experience.objects.get(key="nexus"), actor=TESTER)
    owner.post(f"/admin/keys/{key.prefix}/revoke/", {"reason": ""})
    assert keys.authenticate(raw)
    owner.post(f"/admin/keys/{key.prefix}/revoke/", {"reason": "it stood in a public script"})
    with pytest.raises(KeyRefused, match="revoked"):
        keys.authenticate(raw)
    assert "revoked on" in seen(owner)


def test_writing_is_switched_with_a_reason(owner: Client) -> None:
    owner.post(f"{LIST}nexus/writes/", {"on": "0", "reason": "the group is being rebuilt"})
    assert not Experience.objects.get(key="nexus").writes
    assert "not written to" in seen(owner)


def test_an_auditor_sees_keys_and_makes_none(player: Make) -> None:
    auditor = client_with_role(player(5), "auditor")
    assert "Rotate keys" not in seen(auditor)
    for address in (f"{LIST}nexus/rotate/", f"{LIST}nexus/new-key/", f"{LIST}nexus/writes/"):
        assert auditor.post(address, {"reason": "x", "overlap": 24}).status_code == 403
    assert not Approval.objects.exists()
