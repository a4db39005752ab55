"""Assign an item of the queue to one person for half an hour."""

import datetime as dt
from collections.abc import Iterable

from django.db import connection

from common.errors import Refused
from players.models import Claim
from players.moderation.actors import Staff

LASTS = dt.timedelta(minutes=30)
LONGEST_KIND, LONGEST_KEY = 20, 80  # characters that the columns hold

# One statement, so that two concurrent claims cannot both succeed.
TAKE = """
    INSERT INTO claims (kind, key, holder, holder_name, until) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (kind, key) DO UPDATE SET
        holder = excluded.holder, holder_name = excluded.holder_name, until = excluded.until
    WHERE claims.holder = excluded.holder OR claims.until <= %s
       OR claims.until > excluded.until + interval '1 minute'"""


def claim(kind: str, key: str, *, by: Staff, now: dt.datetime) -> Claim:
    """Assign an item, or extend the assignment. Raises Refused while somebody else has it.

    An assignment that ends much later than a new one would was made with a wrong clock and is
    ignored. A slightly later end is normal: of two concurrent claims the later one may have read
    the clock first.
    """
    _check(kind, key)
    with connection.cursor() as cursor:
        cursor.execute(TAKE, [kind, key, by.person, by.actor.name[:80], now + LASTS, now])
        taken = bool(cursor.rowcount)
    found = Claim.objects.filter(kind=kind, key=key).first()
    if found is None or not taken:
        name = found.holder_name if found else "Somebody"
        raise Refused(
            f"{name or 'Somebody'} claimed it. It is free again when they release it, or after half an hour."
        )
    return found


def release(kind: str, key: str, *, by: Staff) -> None:
    """Release one's own assignment. Raises Refused without one."""
    _check(kind, key)
    if not Claim.objects.filter(kind=kind, key=key, holder=by.person).delete()[0]:
        raise Refused("You do not hold it.")


def _check(kind: str, key: str) -> None:
    if len(kind) > LONGEST_KIND or len(key) > LONGEST_KEY or "\0" in kind + key:
        raise Refused("There is no such item in the queue.")


def held(kind: str, keys: Iterable[str], now: dt.datetime) -> dict[str, Claim]:
    """Return the assignments of these items, by key."""
    return {
        one.key: one for one in Claim.objects.filter(kind=kind, key__in=list(keys), until__gt=now)
    }


def held_among(items: Iterable[tuple[str, str]], now: dt.datetime) -> dict[tuple[str, str], Claim]:
    """Return the assignments of these items, by kind and key, in one query."""
    wanted = set(items)
    rows = Claim.objects.filter(
        kind__in={kind for kind, _ in wanted}, key__in={key for _, key in wanted}, until__gt=now
    )
    return (
        {(one.kind, one.key): one for one in rows if (one.kind, one.key) in wanted}
        if wanted
        else {}
    )


def holds(kind: str, key: str, *, by: Staff, now: dt.datetime) -> bool:
    """Return whether an item is assigned to a person."""
    return Claim.objects.filter(kind=kind, key=key, holder=by.person, until__gt=now).exists()


def drop(kind: str, key: str) -> None:
    """Delete the assignment of a finished item."""
    Claim.objects.filter(kind=kind, key=key).delete()
