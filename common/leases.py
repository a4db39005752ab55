"""Claim work under leases: one process at a time holds a row.

The work of a dead process becomes free when its lease expires. The database's clock dates every
lease and every next try, so a machine with a wrong clock blocks nothing.
"""

import datetime as dt
import random
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from common import database_clock
from common.leased_model import Held, Leased

LEASE = dt.timedelta(
    seconds=25
)  # with the sweep and other work before it, a killed process's work goes on within a minute
LONGEST_LEASE = dt.timedelta(
    minutes=3
)  # a lease that ends later than this was dated by a wrong clock
LONGEST = 3600.0  # seconds between two tries
JITTER = 0.2


class LeaseLost(Exception):
    """Another process holds the row now. The caller must not write it."""


def over() -> Q:
    """Return the condition for rows whose lease expired or was dated by a wrong clock."""
    return Q(lease_until__lt=Now()) | Q(lease_until__gt=Now() + LONGEST_LEASE)


def claim[T: Leased](rows: QuerySet[T], count: int, lease: dt.timedelta = LEASE) -> list[T]:
    """Claim up to `count` due rows without a holder, under one new token, and return them."""
    token = secrets.token_hex(16)
    due = rows.filter(Q(lease_until=None) | over(), retry_at__lte=Now())
    with transaction.atomic():
        found = list(
            due.select_for_update(skip_locked=True, no_key=True, of=("self",)).order_by(
                "retry_at", "pk"
            )[:count]
        )
        held = rows.model._default_manager.filter(pk__in=[row.pk for row in found])
        held.update(lease=token, lease_until=Now() + lease)
    for row in found:
        row.lease, row.lease_until = token, database_clock.now() + lease
    return found


@contextmanager
def held_alone[T: Held](rows: QuerySet[T], lease: dt.timedelta) -> Iterator[T | None]:
    """Yield the one row of `rows` while this process holds it, None if another process does.

    The lease ends with the block. A longer block extends it by writing `lease_until` through `hold`.
    """
    token = secrets.token_hex(16)
    free = rows.filter(Q(lease_until=None) | over())
    taken = free.update(lease=token, lease_until=Now() + lease)
    row = rows.get(lease=token) if taken else None
    try:
        yield row
    finally:
        if row is not None:
            hold(row).update(lease_until=None)


def hold[T: Held](row: T) -> QuerySet[T]:
    """Return the row as a queryset, empty once the caller's token is no longer on it.

    Write through it, so that a process that lost its lease writes nothing.
    """
    return type(row)._default_manager.filter(pk=row.pk, lease=row.lease)


def renew(row: Held, lease: dt.timedelta = LEASE) -> None:
    """Extend the lease of `row`. Raises LeaseLost."""
    if not hold(row).update(lease_until=Now() + lease):
        raise LeaseLost(str(row))
    row.lease_until = database_clock.now() + lease


def backoff(attempts: int, *, base: float = 2.0, longest: float = LONGEST) -> dt.timedelta:
    """Return how long to wait after so many failures in a row.

    It doubles each time, with jitter so that many rows are not retried at once.
    """
    seconds = min(longest, base * 2 ** min(attempts, 20))
    return dt.timedelta(seconds=seconds * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 - not a secret
