"""Redaction of older events that name a person in their details: the chain still verifies."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from audits import tasks
from audits.actions import Action
from audits.chain import export, offline, proofs
from audits.chain.sealing import seal_pending, trusted_keys
from audits.chain.verify import verify
from audits.models import AuditEvent, AuditPersonal, AuditRedaction
from audits.record import Actor, record
from players.models import Player, Rank
from players.privacy import erasure
from players.privacy.person import Person
from tests.audits.conftest import past_the_triggers
from tests.players.conftest import OWNER
from tests.privacy.conftest import holding, in_tables

USER, NAME = 7_700_077_001, "Marked_Person_77"
STAFF = Actor("staff", "5", "Mona", "staff:5")
pytestmark = pytest.mark.usefixtures("mirrors")


def seal_all() -> None:
    while seal_pending():
        pass


@pytest.fixture
def old(community: Any) -> int:
    """Record a role request in the old format, with the user id in its details. Returns its id."""
    rank, now = Rank.objects.get(name="Initiate"), timezone.now()
    Player.objects.create(user_id=USER, username=NAME, rank=rank, rank_since=now, named_at=now)
    with transaction.atomic():
        record(Action.DRIFT_FOUND, actor=STAFF, details={"aspect": "role"})
        event = record(
            Action.APPROVAL_REQUESTED,
            actor=STAFF,
            reason="We need somebody who reads",
            details={
                "act": "role.grant",
                "arguments": {"userId": str(USER), "role": "auditor", "told": f"for {NAME}"},
            },
        )
        record(Action.DRIFT_FOUND, actor=STAFF, details={"aspect": "points", "job": 7})
    seal_all()
    tasks.mirror()
    return event


def erase() -> None:
    erasure.erase(USER, by=OWNER, reason="an order", now=timezone.now())
    seal_all()
    tasks.mirror()


def exported() -> str:
    out = io.StringIO()
    export.export(out)
    return out.getvalue()


def test_what_names_them_goes_and_the_chain_is_whole(old: int) -> None:
    erase()
    assert in_tables(str(USER), NAME) == set()
    event = AuditEvent.objects.get(pk=old)
    assert event.details == {
        "act": "role.grant",
        "arguments": {"userId": "…", "role": "auditor", "told": "for …"},
    }
    assert verify().findings == []
    told = AuditEvent.objects.get(action="audit.redacted")
    assert (told.target_id, told.details["event"]) == (str(old), old)
    assert {one.field: one.value for one in AuditPersonal.objects.filter(event=old)} == {
        "actorName": "Mona",
        "reason": "We need somebody who reads",
    }


def test_nobody_can_find_the_id_out_by_trying_all_of_them(old: int) -> None:
    """The sealed commitments are replaced, so the hash alone reveals nothing."""
    before = AuditEvent.objects.get(pk=old).commitments
    erase()
    after = AuditEvent.objects.get(pk=old).commitments
    assert set(before) == set(after) == {"actorName", "reason"}
    assert not set(before.values()) & set(after.values())


def test_an_export_is_verified_offline_and_a_change_is_found(
    old: int,
) -> None:
    erase()
    text = exported()
    assert holding(text, str(USER), NAME) == []
    assert offline.verify_export(text.splitlines(), trusted_keys()) == []
    forged = text.replace("auditor", "owner")
    assert forged != text
    assert any(
        "redacted" in defect
        for defect in offline.verify_export(forged.splitlines(), trusted_keys())
    )


def test_the_stream_and_the_file_forget_it_too(old: int, mirrors: tuple[Path, str]) -> None:
    file, key = mirrors
    size, lines = file.stat().st_size, len(file.read_text().splitlines())
    assert holding(file.read_text(), str(USER), NAME) == [str(USER), NAME]
    erase()
    found = file.read_text().splitlines()
    assert holding(file.read_text(), str(USER), NAME) == []
    assert [json.loads(line)["position"] for line in found] == list(range(1, len(found) + 1))
    assert sum(len(line.encode()) + 1 for line in found[:lines]) == size
    with redis.Redis.from_url(django_settings.REDIS_URL) as client:
        assert holding(repr(client.xrange(key)), str(USER), NAME) == []
        assert int(client.xlen(key)) == len(found) - 1
    assert AuditRedaction.objects.get().mirrors == ["jsonl", "redis"]
    assert tasks.mirror() == 0


def test_a_proof_of_another_event_under_the_same_seal_holds(old: int) -> None:
    other = AuditEvent.objects.filter(action="drift.found").latest("pk").pk
    erase()
    proof = proofs.prove(other)
    assert offline.verify_proof(json.loads(json.dumps(proof)), trusted_keys()) == []
    with pytest.raises(proofs.NotProvable, match="lost the words"):
        proofs.prove(old)


def test_an_event_naming_two_people_is_redacted_twice(old: int) -> None:
    with transaction.atomic():
        both = record(
            Action.APPROVAL_REQUESTED, actor=STAFF, details={"text": f"{NAME} and Other_Person_88"}
        )
    seal_all()
    erase()
    rank, now = Rank.objects.get(name="Initiate"), timezone.now()
    Player.objects.create(
        user_id=88, username="Other_Person_88", rank=rank, rank_since=now, named_at=now
    )
    erasure.erase(88, by=OWNER, reason="an order", now=now)
    seal_all()
    assert AuditEvent.objects.get(pk=both).details == {"text": "… and …"}
    assert AuditEvent.objects.filter(action="audit.redacted", target_id=str(both)).count() == 2
    assert verify().findings == []
    assert offline.verify_export(exported().splitlines(), trusted_keys()) == []


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("UPDATE audits SET details = '{}' WHERE id = %s", "changed again since"),
        (
            "DELETE FROM audits WHERE action = 'audit.redacted' AND target_id = %s::text",
            "no event of the log says so",
        ),
        ("DELETE FROM audit_redactions WHERE event_id = %s", "the hash that was sealed is gone"),
        (
            "UPDATE audit_redactions SET leaf = repeat('0', 64) WHERE event_id = %s",
            "not the one that the log names",
        ),
    ],
)
def test_a_redaction_by_hand_is_found_out(old: int, statement: str, finding: str) -> None:
    erase()
    with past_the_triggers() as cursor:
        cursor.execute(statement, [old])
    assert finding in " ".join(one.message for one in verify().findings)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audits SET details = '{}'",
        "SET LOCAL grps.erasing = 'on'; UPDATE audits SET details = '{}' WHERE action = 'drift.found'",
        "SET LOCAL grps.erasing = 'on'; UPDATE audits SET actor_id = '6'",
        "INSERT INTO audit_redactions (event_id, leaf) SELECT max(id), 'x' FROM audits",
        "DELETE FROM audit_redactions",
        "UPDATE audit_redactions SET leaf = 'x'",
    ],
)
def test_the_database_refuses_every_other_change(old: int, statement: str) -> None:
    erase()
    with transaction.atomic(), connection.cursor() as cursor:
        *before, last = statement.split("; ")
        for part in before:
            cursor.execute(part)
        with pytest.raises(DatabaseError, match="refused"):
            cursor.execute(last)
        transaction.set_rollback(True)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Marked_Person_77 lied", "… lied"),
        ("ask marked_person_77's brother, xMARKED_PERSON_77x", "ask …'s brother, x…x"),
        ("Olaf met olaf and Olafur", "… met olaf and Olafur"),
        ("Captain! captain, captains", "…! …, captains"),
        ("users/7700077001/profile, 77000770012", "users/…/profile, 77000770012"),
        ("König Drosselbart, könig drosselbart", "…, …"),
    ],
)
def test_a_name_is_found_as_written_and_a_word_is_not(text: str, left: str) -> None:
    person = Person(USER, -1).known_as([NAME, "Olaf", "Captain", "König Drosselbart", "Al"])
    assert person.without(text) == left


def test_a_short_id_is_found_only_where_it_is_named() -> None:
    person = Person(156, -1)
    assert (
        person.without("156 points for user 156, id: 156, 1560, player:156")
        == "156 points for …, …, 1560, …"
    )
    given = {"amount": 156, "userId": 156, "by": "156", "rows": [156], "text": "156 of them"}
    assert person.without_in(given) == {
        "amount": 156,
        "userId": None,
        "by": "…",
        "rows": [156],
        "text": "156 of them",
    }


def test_a_word_of_ours_stays_though_somebody_is_called_so() -> None:
    person = Person(USER, -1).known_as(["suspension"])
    assert person.without_in(
        {"act": "suspension", "text": "his suspension"}, frozenset({"act"})
    ) == {
        "act": "suspension",
        "text": "his …",
    }
