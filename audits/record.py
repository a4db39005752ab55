"""Write one audit event for every change to players, rules, secrets or access."""

import os
import pwd
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass
from typing import Any, Required, TypedDict, Unpack

import structlog
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError

from audits.actions import Action, known
from audits.chain.chain import commitment
from audits.tasks import SEALING
from common.canonical_json import canonical_exact

SALT = 16  # bytes
NEXT_ID = "nextval(pg_get_serial_sequence('audits', 'id'))"  # SQL
# Every batch of earned points writes one event. Sealing can wait for the sweep.
PATIENT = frozenset({Action.POINTS_INGESTED})

INSERT_EVENTS = """
    INSERT INTO audits (id, at, action, actor_kind, actor_id, target_kind, target_id, experience, request_id,
                        policy_version, reverts, details, commitments)
    SELECT e.id, clock_timestamp(), e.action, e.actor_kind, e.actor_id, e.target_kind, e.target_id, e.experience, %s,
           e.policy_version, e.reverts, e.details::json, e.commitments::json
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
                %s::bigint[], %s::text[], %s::text[])
         AS e(id, action, actor_kind, actor_id, target_kind, target_id, experience, policy_version, reverts, details,
              commitments)
    ORDER BY e.id"""

# Waits for another transaction that reverts the same event, and skips that row once it committed.
CLAIM = """
    INSERT INTO reversals (event_id, by_event)
    SELECT * FROM unnest(%s::bigint[], %s::bigint[]) AS r(event_id, by_event) ORDER BY event_id
    ON CONFLICT DO NOTHING"""

INSERT_PERSONAL = """
    INSERT INTO audit_personal (event_id, field, subject, salt, value)
    SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bytea[], %s::text[])"""


class TakenBack(Exception):
    """The event was reverted before. The transaction must be rolled back."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. `kind` is staff, player, experience or system; `name` is the current name.

    `subject` identifies the person whose personal data the name is. It is empty for an experience
    and for the system.
    """

    kind: str
    id: str
    name: str
    subject: str = ""


def operator() -> Actor:
    """Return the person who runs a command on this machine, by the account of the process.

    The user can set LOGNAME to anything, so it is not used. The login is a personal value like
    every name, so it can be erased.
    """
    try:
        login = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # the user of a container may have no name
        login = str(os.getuid())
    return Actor("staff", "shell", login, f"shell:{login}")


@dataclass(frozen=True, slots=True)
class Target:
    """The object of the action. `name` is personal if there is a `subject`."""

    kind: str
    id: str
    name: str
    subject: str = ""


NOBODY = Target("", "", "")
FORGETTING = Actor("system", "forgetting", "forgetting")


class EventFields(TypedDict, total=False):
    """The fields that `record` takes by name beside the action. Only the actor is required."""

    actor: Required[Actor]
    target: Target
    reason: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    details: Mapping[str, Any] | None
    personal: Mapping[str, tuple[str, str]] | None
    experience: str
    policy_version: str
    reverts: int | None
    event_id: int | None


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to write. `personal` maps a field to (subject, value).

    `before`, `after` and `details` must hold no personal values. Names and the reason are stored as
    personal values too: a reason may say anything about its target.
    """

    action: Action
    _: KW_ONLY
    actor: Actor
    target: Target = NOBODY
    reason: str = ""
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    details: Mapping[str, Any] | None = None
    personal: Mapping[str, tuple[str, str]] | None = None
    experience: str = ""
    policy_version: str = ""
    reverts: int | None = None
    event_id: int | None = None


def record(action: Action, **fields: Unpack[EventFields]) -> int:
    """Write one event in the transaction of the change that it records, and return its id.

    `reverts` is the id of the event that this event reverts. Only one event can revert it. Raises
    TakenBack if another one did, UnknownAction for an action outside the registry, and
    TransactionManagementError outside a transaction.
    """
    return record_many([NewEvent(action, **fields)])[0]


def reserve_id() -> int:
    """Reserve the id of an event, so that rows written before the event can refer to it."""
    return _reserve(1)[0]


def record_many(entries: Sequence[NewEvent]) -> list[int]:
    """Write many events with two statements, and return their ids in the order given.

    Raises as `record` does.
    """
    if not connection.in_atomic_block:
        raise TransactionManagementError(
            "An audit event belongs into the transaction of the change that it tells."
        )
    if not entries:
        return []
    actions = [known(entry.action) for entry in entries]
    ids = [entry.event_id for entry in entries]
    fresh = iter(_reserve(sum(event_id is None for event_id in ids)))
    numbered = [event_id if event_id is not None else next(fresh) for event_id in ids]
    personal = [_personal(entry) for entry in entries]
    _claim(
        {
            entry.reverts: number
            for entry, number in zip(entries, numbered, strict=True)
            if entry.reverts
        }
    )
    with connection.cursor() as cursor:
        cursor.execute(
            INSERT_EVENTS,
            [
                structlog.contextvars.get_contextvars().get("request_id", ""),
                numbered,
                [str(action) for action in actions],
                [entry.actor.kind for entry in entries],
                [entry.actor.id for entry in entries],
                [entry.target.kind for entry in entries],
                [entry.target.id for entry in entries],
                [entry.experience for entry in entries],
                [entry.policy_version for entry in entries],
                [entry.reverts for entry in entries],
                [canonical_exact(_details(entry)) for entry in entries],
                [
                    canonical_exact(
                        {name: commitment(salt, value) for name, _, salt, value in rows}
                    )
                    for rows in personal
                ],
            ],
        )
        rows = [
            (event_id, *row)
            for event_id, found in zip(numbered, personal, strict=True)
            for row in found
        ]
        if rows:
            cursor.execute(INSERT_PERSONAL, [list(column) for column in zip(*rows, strict=True)])
    if not PATIENT.issuperset(actions):
        SEALING.after_commit()
    return numbered


def _claim(reverting: Mapping[int, int]) -> None:
    """Mark events as reverted. `reverting` maps each to its new event. Raises TakenBack."""
    if not reverting:
        return
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, [list(reverting), list(reverting.values())])
        if cursor.rowcount != len(reverting):
            raise TakenBack("It was taken back already.")


def erase(*subjects: str) -> int:
    """Delete every personal value of one person, and return their number.

    The chain stays valid, because it covers commitments only. The caller must record
    `player.erased` with that number in the same transaction: otherwise `verify` reports missing
    values.
    """
    with erasing() as cursor:
        cursor.execute(
            "DELETE FROM audit_personal WHERE subject = ANY(%s::text[])", [list(subjects)]
        )
        return int(cursor.rowcount)


def forget(ids: Sequence[int], *, why: str) -> int:
    """Delete personal values by row id, record that as one event, and return their number."""
    if not ids:
        return 0
    with transaction.atomic():
        with erasing() as cursor:
            cursor.execute("DELETE FROM audit_personal WHERE id = ANY(%s::bigint[])", [list(ids)])
            removed = int(cursor.rowcount)
        if removed:
            record(
                Action.AUDIT_FORGOTTEN,
                actor=FORGETTING,
                details={"personalRows": removed, "why": why},
            )
        return removed


@contextmanager
def erasing() -> Iterator[Any]:
    """Yield a cursor that may delete and change log rows despite the triggers.

    Needs a transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL grps.erasing = 'on'")
        yield cursor
        cursor.execute("SET LOCAL grps.erasing = 'off'")


def _reserve(count: int) -> list[int]:
    if not count:
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {NEXT_ID} FROM generate_series(1, %s)", [count])
        return [row[0] for row in cursor.fetchall()]


def _details(entry: NewEvent) -> dict[str, Any]:
    details = dict(entry.details or {})
    if entry.before is not None:
        details["before"] = entry.before
    if entry.after is not None:
        details["after"] = entry.after
    return details


def _personal(entry: NewEvent) -> list[tuple[str, str, bytes, str]]:
    """Return field, subject, salt and value of each personal value in `entry`."""
    values = {
        "actorName": (
            entry.actor.subject or f"{entry.actor.kind}:{entry.actor.id}",
            entry.actor.name,
        ),
        "targetName": (entry.target.subject, entry.target.name),
        "reason": (entry.target.subject or f"{entry.actor.kind}:{entry.actor.id}", entry.reason),
        **(entry.personal or {}),
    }
    if entry.actor.kind in {"experience", "system"}:
        del values["actorName"]  # not a person's name; the id identifies it
    return [
        (name, subject, secrets.token_bytes(SALT), value)
        for name, (subject, value) in values.items()
        if value
    ]
