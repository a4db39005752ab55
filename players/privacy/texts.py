"""Remove a person's names from what others wrote, without locking or reading a whole table at once.

An index that finds a name inside a text needs an extension of PostgreSQL that a managed server may
not have. So every erasure reads every text once, a few thousand rows in each transaction, and
continues where it stopped.
"""

import json
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.db import connection

from players.privacy.person import Person
from players.privacy.registry import REGISTRY, Sweep, Text

STRETCH = 5_000  # rows
TRIES = 5  # tries for rows that others change meanwhile

Progress = dict[str, Any]


def sweep(person: Person, progress: Progress, *, until: float | None = None) -> bool:
    """Continue from `progress` until the end or `until`, and return whether everything is done.

    `progress` is updated: `step` is the current part, `after` the position in it. `until` is a time
    of time.monotonic().
    """
    parts = _parts()
    names = list(parts)
    at = names.index(progress["step"]) if progress.get("step") in parts else 0
    after = progress.get("after")
    for name in names[at:]:
        while True:
            if until is not None and time.monotonic() >= until:
                progress |= {"step": name, "after": after}
                return False
            after = parts[name](person, after)
            if after is None:
                break
    progress.clear()
    return True


def tables() -> dict[str, "Table"]:
    """Return the tables with texts, by name."""
    texts: dict[str, dict[str, Text]] = defaultdict(dict)
    for column, how in REGISTRY.load().of(Text):
        texts[column.table][column.name] = how
    json_columns = _json_columns(list(texts))
    return {
        name: Table(
            name,
            REGISTRY.walked.get(name, "id"),
            columns,
            frozenset(column for column in columns if (name, column) in json_columns),
        )
        for name, columns in sorted(texts.items())
    }


def _json_columns(names: list[str]) -> set[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND data_type = 'jsonb' AND table_name = ANY(%s::text[])",
            [names],
        )
        return set(cursor.fetchall())


def _parts() -> dict[str, Sweep]:
    return {name: table.stretch for name, table in tables().items()} | REGISTRY.sweeps


@dataclass(frozen=True, slots=True)
class Table:
    """A table, the integer column by which it is read, its text columns, and which are JSON."""

    name: str
    walked: str
    texts: dict[str, Text]
    in_json: frozenset[str]

    def stretch(self, person: Person, after: Any) -> Any:
        """Correct the rows after `after` that name the person, one batch. Return where it ends.

        Returns None if no rows are left.
        """
        end = end_of_stretch(self.name, self.walked, after or 0)
        if end is None:
            return None
        for _ in range(TRIES):
            if all(self._mend(person, row) for row in self._naming(person, after or 0, end)):
                return end
        raise RuntimeError(
            f"{self.name}: rows behind {after or 0} change all the time; the next run tries again."
        )

    def _naming(self, person: Person, after: int, end: int) -> list[tuple[Any, ...]]:
        conditions = [
            f'("{column}"::text ILIKE ANY(%(likes)s::text[]){f" AND {text.only}" if text.only else ""})'
            for column, text in self.texts.items()
        ]
        columns = ", ".join(f'"{column}", "{column}"::text' for column in self.texts)
        with connection.cursor() as cursor:
            cursor.execute(
                f'SELECT ctid::text, "{self.walked}", {columns} FROM "{self.name}"'
                f' WHERE "{self.walked}" > %(after)s AND "{self.walked}" <= %(end)s AND ({" OR ".join(conditions)})',
                {"likes": person.likes, "after": after, "end": end},
            )
            return list(cursor.fetchall())

    def _mend(self, person: Person, row: tuple[Any, ...]) -> bool:
        """Write the corrected texts of a row. Return False if somebody else changed it meanwhile."""
        place, number, *values = row
        changes: dict[str, tuple[Any, str]] = {}
        for column, value, was in zip(self.texts, values[::2], values[1::2], strict=True):
            if was is None:
                continue
            found = json.loads(was) if column in self.in_json else value
            left = person.without_in(found, self.texts[column].fixed)
            if left != found:
                left = f"{left[:40]} {number}" if self.texts[column].unique else left
                changes[column] = (json.dumps(left) if column in self.in_json else left, was)
        if not changes:
            return True
        sets = ", ".join(
            f'"{column}" = %s{"::jsonb" if column in self.in_json else ""}' for column in changes
        )
        same = " AND ".join(f'"{column}"::text = %s' for column in changes)
        with connection.cursor() as cursor:
            cursor.execute(
                f'UPDATE "{self.name}" SET {sets} WHERE ctid = %s::tid AND {same}',
                [
                    *(left for left, _ in changes.values()),
                    place,
                    *(was for _, was in changes.values()),
                ],
            )
            return bool(cursor.rowcount)


def end_of_stretch(table: str, walked: str, after: int) -> int | None:
    """Return the number at which the batch after `after` ends, None if there are no more rows."""
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT max("{walked}") FROM (SELECT "{walked}" FROM "{table}" WHERE "{walked}" > %s'
            f' ORDER BY "{walked}" LIMIT {STRETCH:d}) s',
            [after],
        )
        end = cursor.fetchone()[0]
        return int(end) if end is not None else None
