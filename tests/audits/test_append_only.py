"""Triggers refuse to change or delete audit events."""

from collections.abc import Callable

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.transaction import TransactionManagementError

from audits.actions import Action, UnknownAction
from audits.models import AuditEvent, AuditPersonal
from audits.record import Actor, erase, record
from tests.audits.conftest import STAFF


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audits SET action = 'x'",
        "DELETE FROM audits",
        "TRUNCATE audits CASCADE",
        "UPDATE seals SET root = 'x'",
        "DELETE FROM seals",
        "DELETE FROM sealed_events",
        "UPDATE sealed_events SET position = 1",
        "UPDATE audit_personal SET value = 'x'",
        "DELETE FROM audit_personal",
        "TRUNCATE audit_personal",
        "UPDATE ledger SET awarded = 1",
        "DELETE FROM ledger",
        "TRUNCATE ledger",
    ],
)
def test_it_refuses(statement: str, chain: list[int]) -> None:
    with pytest.raises(DatabaseError, match="refused"), connection.cursor() as cursor:
        cursor.execute(statement)
    assert AuditEvent.objects.count() == len(chain)


def test_an_event_outside_a_transaction_is_refused(transactional_db: None) -> None:
    with pytest.raises(TransactionManagementError):
        record(Action.POINTS_ADJUSTED, actor=STAFF)


def test_an_action_outside_the_registry_is_refused(db: None) -> None:
    with pytest.raises(UnknownAction, match=r"points\.stolen"):
        record("points.stolen", actor=STAFF)  # type: ignore[arg-type]


def test_an_event_goes_with_its_transaction(transactional_db: None) -> None:
    with transaction.atomic():
        record(Action.POINTS_ADJUSTED, actor=STAFF)
        transaction.set_rollback(True)
    assert not AuditEvent.objects.exists()


def test_amounts_must_be_texts_in_details(db: None) -> None:
    with pytest.raises(TypeError, match="one text form"):
        record(Action.POINTS_ADJUSTED, actor=STAFF, details={"amount": 0.1})


def test_the_name_is_frozen_as_it_was_and_stands_apart(tell: Callable[..., int]) -> None:
    event = AuditEvent.objects.get(pk=tell())
    personal = {
        row.field: (row.subject, row.value) for row in AuditPersonal.objects.filter(event=event)
    }
    assert personal == {
        "actorName": ("staff:5", "Mona"),
        "targetName": ("player:7", "Newt"),
        "reason": ("player:7", "a good deed"),
    }
    assert "Newt" not in str(event.details) + str(event.commitments)
    assert event.commitments.keys() == personal.keys()


def test_an_experience_has_no_personal_name(db: None) -> None:
    event = record(Action.POINTS_INGESTED, actor=Actor("experience", "nexus", "nexus"))
    assert not AuditPersonal.objects.filter(event_id=event).exists()


def test_erasing_takes_one_person_s_values_only(tell: Callable[..., int]) -> None:
    tell()
    with transaction.atomic():
        assert erase("player:7") == 2
    assert {row.subject for row in AuditPersonal.objects.all()} == {"staff:5"}
    with pytest.raises(DatabaseError, match="refused"):
        AuditPersonal.objects.filter(subject="staff:5").delete()
