"""Rows that one process at a time holds."""

import datetime as dt
from contextlib import suppress

import pytest
from django.db.models import QuerySet
from django.utils import timezone

from audits.models import AuditStream
from common import leases

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def rows(db: None) -> "QuerySet[AuditStream]":
    AuditStream.objects.create(name="one")
    return AuditStream.objects.filter(name="one")


def test_one_holds_until_its_block_ends(rows: "QuerySet[AuditStream]") -> None:
    with suppress(KeyError), leases.held_alone(rows, MINUTE) as first:
        assert first is not None
        with leases.held_alone(rows, MINUTE) as second:
            assert second is None
        with leases.held_alone(rows, MINUTE) as third:
            assert third is None, "the refused block ended the lease"
        raise KeyError
    with leases.held_alone(rows, MINUTE) as fourth:
        assert fourth is not None


@pytest.mark.parametrize("ends", [-1, 600])
def test_a_lease_that_is_over_or_dated_by_a_wrong_clock_is_free(
    rows: "QuerySet[AuditStream]", ends: int
) -> None:
    until = timezone.now() + dt.timedelta(seconds=ends)
    rows.update(lease="another", lease_until=until)
    with leases.held_alone(rows, MINUTE) as row:
        assert row is not None


def test_a_lost_lease_is_not_ended(rows: "QuerySet[AuditStream]") -> None:
    with leases.held_alone(rows, MINUTE):
        rows.update(lease="another")
    assert rows.get().lease_until is not None
