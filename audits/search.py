"""Find events by actor, action, target and time, newest first.

A page costs the same at any size of the log. One part of the filter is looked up in an index. The
other parts are checked on at most `looked` events found that way.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

PAGE = 50
LOOKED = 5_000  # events that one page checks if no index serves every part of a filter
BEYOND = 2**63 - 1
# An event's id is taken before its time, and its transaction may go on. So ids follow the order of
# time only up to this difference.
SLACK = dt.timedelta(minutes=15)

# Finds the first id from a time on by binary search: about thirty steps along the primary key, in
# one statement.
FIRST_FROM = """
    WITH RECURSIVE halved(low, high) AS (
        SELECT coalesce(min(id), 0), coalesce(max(id), 0) + 1 FROM audits
        UNION ALL
        SELECT CASE WHEN probe.at < %(moment)s THEN probe.id + 1 ELSE low END,
               CASE WHEN probe.at < %(moment)s THEN high ELSE low + (high - low) / 2 END
        FROM halved LEFT JOIN LATERAL (
            SELECT a.id, a.at FROM audits a WHERE a.id >= low + (high - low) / 2 AND a.id < high ORDER BY a.id LIMIT 1
        ) probe ON true
        WHERE low < high
    )
    SELECT min(high) FROM halved"""

# Each branch reads its index in order, and the few branches are merged.
BRANCH = (
    """(SELECT id FROM audits WHERE {where} AND id < %s AND id >= %s ORDER BY id DESC LIMIT %s)"""
)

FIND = """
    WITH looked AS MATERIALIZED (SELECT id FROM ({branches}) found ORDER BY id DESC LIMIT %s),
         fits AS (
             SELECT l.id FROM looked l JOIN audits a ON a.id = l.id WHERE {rest} ORDER BY l.id DESC LIMIT %s
         )
    SELECT (SELECT coalesce(array_agg(id ORDER BY id DESC), '{{}}') FROM fits),
           (SELECT count(*) FROM looked), (SELECT min(id) FROM looked)"""

Clause = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class EventFilter:
    """The events to find. An empty part does not narrow the search.

    `actors` and `target` are (kind, id). An event matches if it has any of `actors` and any of
    `actions`. `until` is exclusive. `nothing`: a part names something that does not exist, so no
    event matches.
    """

    actors: tuple[tuple[str, str], ...] = ()
    actions: tuple[str, ...] = ()
    target: tuple[str, str] | None = None
    experience: str = ""
    request_id: str = ""
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    nothing: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """Event ids, newest first.

    `older` is where the next page begins, None on the last page. `cut`: the search stopped after
    the events that one page may check.
    """

    ids: Sequence[int]
    older: int | None
    cut: bool


@dataclass(frozen=True, slots=True)
class Span:
    """The ids of a filter's time range: from `low`, below `high`."""

    low: int
    high: int


def span(wanted: EventFilter) -> Span:
    """Return the range of ids that a filter's events have. At most two queries."""
    low = _first_from(wanted.since - SLACK) if wanted.since else 0
    high = _first_from(wanted.until + SLACK) if wanted.until else BEYOND
    return Span(low, high)


def find(
    wanted: EventFilter,
    before: int = BEYOND,
    *,
    limit: int = PAGE,
    looked: int = LOOKED,
    within: Span | None = None,
) -> Found:
    """Return at most `limit` events of a filter with ids below `before`.

    `within` is the filter's span, if the caller knows it already.
    """
    if wanted.nothing:
        return Found((), None, False)
    within = within or span(wanted)
    branches, rest = _plan(wanted)
    # Without other parts to check, every event from the index matches.
    most = looked if rest else limit + 1
    bounds = (min(before, within.high), within.low, most)
    parameters: list[Any] = []
    for _, values in branches:
        parameters += [*values, *bounds]
    parameters.append(most)
    for _, values in rest:
        parameters += values
    query = FIND.format(
        branches=" UNION ALL ".join(BRANCH.format(where=where) for where, _ in branches),
        rest=" AND ".join(where for where, _ in rest) or "true",
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [*parameters, limit + 1])
        ids, count, last = cursor.fetchone()
    if len(ids) > limit:
        return Found(ids[:limit], ids[limit - 1], False)
    return Found(ids, last, True) if rest and count == most else Found(ids, None, False)


def _first_from(moment: dt.datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(FIRST_FROM, {"moment": moment})
        return int(cursor.fetchone()[0])


def _plan(wanted: EventFilter) -> tuple[list[Clause], list[Clause]]:
    """Return the part to look up by index, as branches without common events, and the others."""
    parts = [part for part in _parts(wanted) if part]
    branches: list[Clause] = parts[0] if parts else [("true", ())]
    rest = [_any_of(part) for part in parts[1:]]
    if wanted.since:
        rest.append(("a.at >= %s", (wanted.since,)))
    if wanted.until:
        rest.append(("a.at < %s", (wanted.until,)))
    return branches, rest


def _parts(wanted: EventFilter) -> list[list[Clause]]:
    """Return the parts of a filter, the most selective one first."""
    return [
        [("request_id <> '' AND request_id = %s", (wanted.request_id,))]
        if wanted.request_id
        else [],
        [("target_kind = %s AND target_id = %s", wanted.target)] if wanted.target else [],
        [("actor_kind = %s AND actor_id = %s", actor) for actor in wanted.actors],
        [("action = %s", (action,)) for action in wanted.actions],
        [("experience <> '' AND experience = %s", (wanted.experience,))]
        if wanted.experience
        else [],
    ]


def _any_of(part: list[Clause]) -> Clause:
    return f"({' OR '.join(f'({where})' for where, _ in part)})", tuple(
        value for _, values in part for value in values
    )
