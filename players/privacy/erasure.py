"""Erase a person: first the rows found by key, in one transaction, then names in texts."""

import datetime as dt
from collections import defaultdict
from typing import Any

from django.db import connection, transaction

from audits import record as audit_log
from audits.actions import Action
from audits.record import Target, record
from common.errors import Refused
from players.models import Player
from players.moderation.actors import Staff
from players.privacy import texts
from players.privacy.person import Person, new_pseudonym
from players.privacy.registry import (
    OURS,
    OWNERS,
    REGISTRY,
    ROBLOX,
    SUBJECT,
    Blank,
    By,
    Drop,
    Pseudonym,
)


def erase(user_id: int, *, by: Staff, reason: str, now: dt.datetime) -> int:
    """Erase a player, and return the number of personal values deleted.

    Their names and Roblox id are removed from every table. Their rows stay, unlisted, under a
    random pseudonym (a negative id that Roblox never assigns). The ledger and the audit chain stay
    verifiable, because hashes cover commitments, not names. Raises Refused if there is no such
    player.
    """
    person, removed = erase_rows(user_id, by=by, reason=reason, now=now)
    texts.sweep(person, {})
    return removed


def erase_rows(user_id: int, *, by: Staff, reason: str, now: dt.datetime) -> tuple[Person, int]:
    """Erase the rows found by key, in one transaction.

    Returns the person, for `texts.sweep`, and the number of personal values deleted. Raises Refused
    if there is no such player.
    """
    with transaction.atomic():
        player = (
            Player.objects.select_for_update(no_key=True)
            .filter(user_id=user_id, erased_at=None)
            .first()
        )
        if player is None:
            raise Refused(f"No player has the user id {user_id}.")
        person = _with_names(Person(user_id, new_pseudonym(), player.pk))
        _apply_registry(person)
        removed = audit_log.erase(*person.subjects)
        Player.objects.filter(pk=player.pk).update(
            user_id=person.pseudonym,
            username=f"erased-{-person.pseudonym % 10**8:08d}",
            display_name="",
            listed=False,
            erased_at=now,
            updated_at=now,
        )
        record(
            Action.PLAYER_ERASED,
            actor=by.actor,
            target=Target("player", str(player.pk), ""),
            details={"subjects": [player.subject], "personalRows": removed},
            reason=reason,
        )
        return person, removed


def erase_stranger(user_id: int) -> Person:
    """Erase the data of a user who is no player. Return the person for `texts.sweep`."""
    with transaction.atomic():
        person = _with_names(Person(user_id, new_pseudonym()))
        _apply_registry(person)
        removed = audit_log.erase(*person.subjects)
        if removed:
            details = {"personalRows": removed, "why": "erasure"}
            record(Action.AUDIT_FORGOTTEN, actor=audit_log.FORGETTING, details=details)
        return person


def _with_names(person: Person) -> Person:
    """Return the person with every name and id in the tables, including former ones."""
    for find in [
        *REGISTRY.load().naming
    ] * 2:  # twice, because one function may need what another finds
        person = find(person)
    names: list[str] = []
    with connection.cursor() as cursor:
        for column in REGISTRY.columns.values():
            if not column.names:
                continue
            condition, values = _theirs(column.names, person)
            if values is None:
                continue
            cursor.execute(
                f'SELECT DISTINCT "{column.name}" FROM "{column.table}" WHERE {condition} AND "{column.name}" <> \'\'',
                [values],
            )
            names += [row[0] for row in cursor.fetchall()]
    return person.known_as(names)


def _apply_registry(person: Person) -> None:
    """Erase each registered column.

    The apps' own functions run first, while the rows exist by which they find others.
    """
    registry = REGISTRY.load()
    for function in dict.fromkeys(how.forget for _, how in registry.of(By)):
        function(person)
    with connection.cursor() as cursor:
        for table, by in dict.fromkeys((column.table, how.by) for column, how in registry.of(Drop)):
            _execute(cursor, f'DELETE FROM "{table}"', by, person)
        for (table, by), changes in _blanks().items():
            _execute(cursor, f'UPDATE "{table}" SET {", ".join(changes)}', by, person)
        for column, _ in registry.of(Pseudonym):  # last, because the rows are found by the id
            cursor.execute(
                f'UPDATE "{column.table}" SET "{column.name}" = %s WHERE "{column.name}" = %s',
                [person.pseudonym, person.user_id],
            )


def _blanks() -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for column, how in REGISTRY.of(Blank):
        found[column.table, how.by].append(f'"{column.name}" = {how.to}')
    return found


def _execute(cursor: Any, statement: str, by: str, person: Person) -> None:
    condition, values = _theirs(by, person)
    if values is not None:
        cursor.execute(f"{statement} WHERE {condition}", [values])


def _theirs(by: str, person: Person) -> tuple[str, Any]:
    """Return the condition for the person's rows and its parameter, None if there can be none."""
    kind = OWNERS.get(by, SUBJECT)
    if kind == OURS:
        return f'"{by}" = %s', person.player_id
    if kind == ROBLOX:
        return f'"{by}" = %s', person.user_id
    return f'"{by}" = ANY(%s::text[])', person.subjects
