"""Claiming work: one process at a time holds a row, and what a dead process held comes free when its lease runs out."""

import datetime as dt
import random
import secrets

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from players.models import Leased

LEASE = dt.timedelta(seconds=40)  # a killed process's work goes on within a minute
LONGEST = 3600.0  # seconds between two tries
JITTER = 0.2


class LeaseLost(Exception):
    """Somebody else holds the row by now: whatever was about to be written must not be."""


def claim[T: Leased](rows: QuerySet[T], count: int, lease: dt.timedelta = LEASE) -> list[T]:
    """Up to `count` of `rows` that are due and held by nobody, now held by the caller under one new token."""
    token = secrets.token_hex(16)
    due = rows.filter(retry_at__lte=Now()).filter(Q(lease_until=None) | Q(lease_until__lt=Now()))
    with transaction.atomic():
        found = list(
            due.select_for_update(skip_locked=True, no_key=True, of=("self",)).order_by("retry_at", "pk")[:count]
        )
        until = timezone.now() + lease
        rows.model._default_manager.filter(pk__in=[row.pk for row in found]).update(lease=token, lease_until=until)
    for row in found:
        row.lease, row.lease_until = token, until
    return found


def hold[T: Leased](row: T) -> QuerySet[T]:
    """The row as long as the caller's token is on it: write through this, and a zombie writes nothing."""
    return type(row)._default_manager.filter(pk=row.pk, lease=row.lease)


def renew(row: Leased, lease: dt.timedelta = LEASE) -> None:
    """Hold `row` for another while. Raises LeaseLost."""
    row.lease_until = timezone.now() + lease
    if not hold(row).update(lease_until=row.lease_until):
        raise LeaseLost(str(row))


def backoff(attempts: int, *, base: float = 2.0, longest: float = LONGEST) -> dt.timedelta:
    """How long to wait after so many failures in a row: doubling, with jitter so that many rows do not come at once."""
    seconds = min(longest, base * 2 ** min(attempts, 20))
    return dt.timedelta(seconds=seconds * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 - not a secret
