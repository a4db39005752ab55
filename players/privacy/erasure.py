"""Apply the registry to one person, in one transaction: rows and values that are theirs by a key."""

from collections import defaultdict
from typing import Any

from django.db import connection

from players.privacy.person import Person
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


def known(person: Person) -> Person:
    """The person with every name and id by which the tables know them, former ones too."""
    for find in [*REGISTRY.load().naming] * 2:  # what one finds, another goes by
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


def forget(person: Person) -> None:
    """In the transaction of the erasure; `person` as `known` gives them. What the apps' own
    functions forget comes first, while the rows that they go by are there.
    """
    registry = REGISTRY.load()
    for function in dict.fromkeys(how.forget for _, how in registry.of(By)):
        function(person)
    with connection.cursor() as cursor:
        for table, by in dict.fromkeys((column.table, how.by) for column, how in registry.of(Drop)):
            _execute(cursor, f'DELETE FROM "{table}"', by, person)
        for (table, by), changes in _blanks().items():
            _execute(cursor, f'UPDATE "{table}" SET {", ".join(changes)}', by, person)
        for column, _ in registry.of(Pseudonym):  # at last: the id is what the rows were found by
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
    """The condition under which a row is theirs, and its parameter; None where no row can be."""
    kind = OWNERS.get(by, SUBJECT)
    if kind == OURS:
        return f'"{by}" = %s', person.player_id
    if kind == ROBLOX:
        return f'"{by}" = %s', person.user_id
    return f'"{by}" = ANY(%s::text[])', person.subjects
