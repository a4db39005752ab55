import datetime as dt
import hashlib
import re
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from audits.models import AuditEvent
from roblox import keys
from roblox.models import Experience
from tests.conftest import TESTER
from tests.console.people import owner_client
from tests.shared_clock import clock_at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bootstrapped")]
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def nexus() -> Experience:
    return Experience.objects.get(key="nexus")


def opens(client: Client, raw: str) -> int:
    return client.get("/roblox/policy", headers={"x-grps-api-key": raw}).status_code


def test_a_key_has_the_form_that_people_can_recognise(nexus: Experience) -> None:
    key, raw = keys.create(nexus, actor=TESTER)
    assert re.fullmatch(rf"grps_{key.prefix}_[A-Za-z0-9_-]{{43}}", raw)


def test_only_the_hash_of_a_key_is_kept(nexus: Experience) -> None:
    key, raw = keys.create(nexus, actor=TESTER)
    key.refresh_from_db()
    assert key.digest == hashlib.sha256(raw.encode()).hexdigest()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT k::text FROM experience_keys k UNION ALL SELECT a::text FROM audits a"
        )
        kept = str(cursor.fetchall())
    assert key.prefix in kept
    assert raw.split("_", 2)[2] not in kept


def test_a_key_opens_its_own_experience(nexus: Experience) -> None:
    other = Experience.objects.get(key="training_site")
    assert keys.authenticate(keys.create(nexus, actor=TESTER)[1]) == nexus
    assert keys.authenticate(keys.create(other, actor=TESTER)[1]) == other


def test_finding_a_key_takes_one_query(nexus: Experience, django_assert_num_queries: Any) -> None:
    _, raw = keys.create(nexus, actor=TESTER)
    keys.authenticate(raw)
    with django_assert_num_queries(1):
        keys.authenticate(raw)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "grps_",
        "grps_12345678",
        "grps_12345678_",
        "grps__x",
        "x_12345678_y",
        "grps_1234567é_y",
        "grps_1234\0678_y",
        "a" * 5000,
    ],
)
def test_what_is_not_a_key_is_refused(client: Client, raw: str) -> None:
    assert opens(client, raw) == 401


def test_a_right_prefix_with_another_secret_is_refused(client: Client, nexus: Experience) -> None:
    key, raw = keys.create(nexus, actor=TESTER)
    assert opens(client, raw) == 200
    assert opens(client, f"grps_{key.prefix}_{'A' * 43}") == 401


def test_a_key_ends_when_it_expires(client: Client, nexus: Experience) -> None:
    now = timezone.now()
    _, raw = keys.create(nexus, actor=TESTER, expires_at=now + HOUR)
    with clock_at(now + 0.99 * HOUR):
        assert opens(client, raw) == 200
    with clock_at(now + HOUR):
        refused = client.get("/roblox/policy", headers={"x-grps-api-key": raw})
    assert refused.status_code == 401
    assert "expired" in refused.json()["detail"]


def test_rotation_keeps_the_old_key_for_the_overlap(client: Client, nexus: Experience) -> None:
    _, old = keys.create(nexus, actor=TESTER)
    _, new = keys.rotate(nexus, actor=TESTER, overlap=HOUR)
    assert (opens(client, old), opens(client, new)) == (200, 200)
    with clock_at(timezone.now() + 1.01 * HOUR):
        assert (opens(client, old), opens(client, new)) == (401, 200)


def test_rotation_never_makes_a_key_live_longer(nexus: Experience) -> None:
    soon = timezone.now() + HOUR
    key, _ = keys.create(nexus, actor=TESTER, expires_at=soon)
    keys.rotate(nexus, actor=TESTER, overlap=24 * HOUR)
    key.refresh_from_db()
    assert key.expires_at == soon


def test_rotation_leaves_the_other_experience_alone(nexus: Experience) -> None:
    key, _ = keys.create(Experience.objects.get(key="training_site"), actor=TESTER)
    keys.rotate(nexus, actor=TESTER, overlap=HOUR)
    key.refresh_from_db()
    assert key.expires_at is None


def test_revocation_acts_on_the_next_request(client: Client, nexus: Experience) -> None:
    key, raw = keys.create(nexus, actor=TESTER)
    _, other = keys.create(nexus, actor=TESTER)
    assert opens(client, raw) == 200
    keys.revoke(key, actor=TESTER, reason="it leaked")
    assert opens(client, raw) == 401
    assert opens(client, other) == 200


def test_revoking_twice_tells_once(nexus: Experience) -> None:
    key, _ = keys.create(nexus, actor=TESTER)
    keys.revoke(key, actor=TESTER, reason="it leaked")
    keys.revoke(key, actor=TESTER, reason="it leaked")
    assert AuditEvent.objects.filter(action="key.revoked", target_id=key.prefix).count() == 1


def test_a_key_of_an_experience_that_is_off_opens_nothing(
    client: Client, nexus: Experience
) -> None:
    _, raw = keys.create(nexus, actor=TESTER)
    Experience.objects.filter(pk=nexus.pk).update(enabled=False)
    assert opens(client, raw) == 401


def test_the_last_use_is_written_at_most_once_a_minute(nexus: Experience) -> None:
    key, raw = keys.create(nexus, actor=TESTER)
    start = timezone.now()
    uses = []
    for seconds in (0, 30, 90):
        with clock_at(start + dt.timedelta(seconds=seconds)):
            keys.authenticate(raw)
        key.refresh_from_db()
        assert key.last_used_at is not None
        uses.append(round((key.last_used_at - start).total_seconds()))
    assert uses == [0, 0, 90]


def test_every_change_of_a_key_is_an_audit_event(nexus: Experience) -> None:
    key, _ = keys.create(nexus, actor=TESTER)
    keys.rotate(nexus, actor=TESTER, overlap=HOUR)
    keys.revoke(key, actor=TESTER, reason="it leaked")
    told = (
        AuditEvent.objects.filter(target_kind="key")
        .order_by("id")
        .values_list("action", "experience")
    )
    assert list(told) == [(f"key.{verb}", "nexus") for verb in ("created", "rotated", "revoked")]


def test_the_command_prints_a_new_key_once_and_lists_none(
    client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("experience_key", "create", "nexus")
    raw = capsys.readouterr().out.strip()
    assert opens(client, raw) == 200
    call_command("experience_key", "list", "nexus")
    listed = capsys.readouterr().out
    assert raw[:13] in listed
    assert raw not in listed


def test_the_command_rotates_and_revokes(
    client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("experience_key", "create", "nexus")
    old = capsys.readouterr().out.strip()
    call_command("experience_key", "rotate", "nexus", overlap_hours=0)
    new = capsys.readouterr().out.strip()
    assert (opens(client, old), opens(client, new)) == (401, 200)
    call_command("experience_key", "revoke", new.split("_")[1], reason="it leaked")
    assert opens(client, new) == 401


def test_the_command_names_what_it_does_not_know() -> None:
    with pytest.raises(CommandError, match="atlantis"):
        call_command("experience_key", "create", "atlantis")
    with pytest.raises(CommandError, match="deadbeef"):
        call_command("experience_key", "revoke", "deadbeef", reason="it leaked")


def test_the_console_never_shows_a_digest(bootstrapped: None, nexus: Experience) -> None:
    browser = owner_client()
    key, _ = keys.create(nexus, actor=TESTER)
    for page in ("", f"{key.pk}/change/"):
        shown = browser.get(f"/admin/roblox/experiencekey/{page}")
        assert shown.status_code == 200
        assert key.prefix in shown.content.decode()
        assert key.digest not in shown.content.decode()
