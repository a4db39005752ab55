"""What the tables of this app know of a person, gone in the transaction in which they are erased."""

import re
from typing import Any

from django.db import connection

from players.people import Person
from syncs.models import Drift, Membership, Mirror, SyncJob

ADJUSTMENTS = "UPDATE adjustment_rows SET user_id = %s, reason = '' WHERE user_id = %s"
OWN_DRIFTS = """
    DELETE FROM drifts WHERE player_id = %s OR (aspect IN ('role', 'restriction', 'points') AND subject = %s)
        OR (aspect = 'entry' AND subject ~ %s)"""


def forget(*, person: Person, **_: Any) -> None:
    """Memberships, differences and mirrors go; adjustments take the pseudonym; texts that name them lose the name."""
    Membership.objects.filter(user_id=person.user_id).delete()
    if person.player_id is not None:
        Mirror.objects.filter(player_id=person.player_id).delete()
    number = rf"(^|\D){person.user_id}(\D|$)"
    with connection.cursor() as cursor:
        cursor.execute(ADJUSTMENTS, [person.pseudonym, person.user_id])
        cursor.execute(OWN_DRIFTS, [person.player_id, str(person.user_id), number])
    _forget_in_drifts(person)
    _forget_in_jobs(person)


def _forget_in_drifts(person: Person) -> None:
    """Differences of others that name them: as the moderator of a ban, or in an excerpt of a queue's item."""
    rows, told = _saying(person, "drifts", "concat(ours::text, theirs::text, detail)"), person.told
    for row in Drift.objects.filter(pk__in=rows):
        ours, theirs = _without(row.ours, told), _without(row.theirs, told)
        Drift.objects.filter(pk=row.pk).update(ours=ours, theirs=theirs, detail=told.sub("…", row.detail))


def _forget_in_jobs(person: Person) -> None:
    told = person.told
    for row in SyncJob.objects.filter(pk__in=_saying(person, "sync_jobs", "concat(steps::text, error)")):
        SyncJob.objects.filter(pk=row.pk).update(steps=_without(row.steps, told), error=told.sub("…", row.error))


def _saying(person: Person, table: str, text: str) -> list[int]:
    """Rows whose text holds the id or a name."""
    patterns = [f"%{_literal(word)}%" for word in person.words]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM {table} WHERE {text} LIKE ANY(%s::text[])", [patterns])
        return [row[0] for row in cursor.fetchall()]


def _literal(word: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", word)


def _without(value: Any, told: re.Pattern[str]) -> Any:
    """The same JSON; whatever in it names them is `…`, and their id as a number is null."""
    if isinstance(value, str):
        return told.sub("…", value)
    if isinstance(value, list):
        return [_without(item, told) for item in value]
    if isinstance(value, dict):
        return {key: _without(item, told) for key, item in value.items()}
    if isinstance(value, int) and not isinstance(value, bool) and told.fullmatch(str(value)):
        return None
    return value
