"""User restrictions: bans from a universe or from one place, and their log."""

import re
from typing import Any, NamedTuple

import msgspec
from werkzeug import Response

from roblox.emulator.calls import Call
from roblox.emulator.clock import MICROS, duration, moment, stamp
from roblox.emulator.errors import invalid
from roblox.emulator.responses import listing, respond
from roblox.emulator.store import Connection

LONGEST = 315_576_000_000  # seconds
PRIVATE_LENGTH, DISPLAY_LENGTH = 1000, 400
KEY_LIFETIME = 86_400 * MICROS  # of an idempotency key
WHOLE_UNIVERSE = 0  # the place of a restriction that holds everywhere
_COLUMNS = "active, started, seconds, private, display, no_alts, updated"
_LOGGED = "active, started, seconds, private, display, no_alts, created"
_TERM = re.compile(r"""\s*"?\s*(user|place)\s*==\s*'(users|places)/([0-9]{1,18})'\s*"?\s*""")


class Restriction(msgspec.Struct, rename="camel"):
    """A restriction. Without a duration it has no end."""

    active: bool = False
    duration: str | None = None
    private_reason: str = ""
    display_reason: str = ""
    exclude_alt_accounts: bool = False


class UpdateBody(msgspec.Struct, rename="camel"):
    """The body of an update. `gameJoinRestriction` is replaced completely."""

    game_join_restriction: Restriction | None = None


class Subject(NamedTuple):
    """The user and the place of a restriction."""

    universe: int
    place: int
    user: int


class Stored(NamedTuple):
    """An active or ended restriction.

    Times are in microseconds; `seconds` is None without an end.
    """

    active: int
    started: int
    seconds: int | None
    private: str
    display: str
    no_alts: int
    updated: int


def get_restriction(call: Call) -> Response:
    """Return the restriction that applies to a user, inactive if they never had one."""
    subject = _subject(call)
    return respond(_restriction(call, subject.user, *_find(call.store.read(), subject)))


def list_restrictions(call: Call) -> Response:
    """List everybody who was ever banned here, whether or not it is in force."""
    page = call.page(10, 100)
    rows = call.store.read().execute(
        f"SELECT user, {_COLUMNS} FROM restrictions WHERE universe = ? AND place = ? AND user > ?"
        " ORDER BY user LIMIT ?",
        (call.universe, _place(call), page.cursor or 0, page.fetch),
    )
    kept, token = page.cut(rows.fetchall(), lambda row: row[0])
    found = (_restriction(call, user, Stored(*row), inherited=False) for user, *row in kept)
    return listing("userRestrictions", found, token)


def update_restriction(call: Call) -> Response:
    """Replace a restriction. A repeated idempotency key gets the first response again."""
    if call.query("updateMask") not in ("", "game_join_restriction", "gameJoinRestriction"):
        raise invalid("updateMask can only be game_join_restriction.")
    key = _idempotency_key(call)
    wanted = call.json(UpdateBody).game_join_restriction
    if wanted is None:
        raise invalid("gameJoinRestriction is needed.")
    subject = _subject(call)
    with call.store.write() as db:
        first = _first_answer(db, call.universe, key)
        if first is not None:
            return respond(first)
        restrict(db, subject, wanted, call.owner)
        body = _restriction(call, subject.user, *_find(db, subject))
        if key:
            row = (call.universe, key, msgspec.json.encode(body), db.now)
            db.execute("INSERT OR REPLACE INTO sent_once VALUES (?, ?, ?, ?)", row)
    return respond(body)


def restrict(
    db: Connection, subject: Subject, wanted: Restriction, moderator: int | None = None
) -> None:
    """Ban or unban, and log it. Without a moderator, a script of the game did.

    Raises ApiError (400) beyond a limit.
    """
    if len(wanted.private_reason) > PRIVATE_LENGTH or len(wanted.display_reason) > DISPLAY_LENGTH:
        raise invalid(
            f"privateReason has at most {PRIVATE_LENGTH} characters, displayReason"
            f" {DISPLAY_LENGTH}."
        )
    seconds = None if wanted.duration is None else duration(wanted.duration, LONGEST)
    row = Stored(
        wanted.active,
        db.now,
        seconds,
        wanted.private_reason,
        wanted.display_reason,
        wanted.exclude_alt_accounts,
        db.now,
    )
    db.execute(
        f"INSERT OR REPLACE INTO restrictions (universe, place, user, {_COLUMNS})"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*subject, *row),
    )
    db.execute(
        f"INSERT INTO restriction_log (universe, place, user, moderator, {_LOGGED})"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*subject, moderator, *row),
    )


def list_logs(call: Call) -> Response:
    """List the log of the universe and its places, newest first."""
    page = call.page(10, 100)
    conditions, values = ["universe = ?"], [call.universe]
    for name, number in _filter(call.query("filter")):
        conditions.append(f"{name} = ?")
        values.append(number)
    if page.cursor is not None:
        conditions.append("id < ?")
        values.append(page.cursor)
    query = (
        f"SELECT id, user, place, moderator, {_LOGGED} FROM restriction_log"
        f" WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT ?"
    )
    rows = call.store.read().execute(query, (*values, page.fetch)).fetchall()
    kept, token = page.cut(rows, lambda row: row[0])
    return listing("logs", (_log(row) for row in kept), token)


def _place(call: Call) -> int:
    return int(call.path.get("place") or WHOLE_UNIVERSE)


def _subject(call: Call) -> Subject:
    return Subject(call.universe, _place(call), int(call.path["user"]))


def _find(db: Connection, subject: Subject) -> tuple[Stored | None, bool]:
    """Return the restriction that applies, and whether a place inherits it from its universe."""
    own = _stored(db, subject)
    if own is not None or subject.place == WHOLE_UNIVERSE:
        return own, False
    above = _stored(db, subject._replace(place=WHOLE_UNIVERSE))
    return above, above is not None


def _stored(db: Connection, subject: Subject) -> Stored | None:
    where = "universe = ? AND place = ? AND user = ?"
    row = db.execute(f"SELECT {_COLUMNS} FROM restrictions WHERE {where}", subject).fetchone()
    return Stored(*row) if row else None


def _restriction(call: Call, user: int, row: Stored | None, inherited: bool) -> dict[str, Any]:
    parent = f"universes/{call.universe}"
    if call.path.get("place"):
        parent += f"/places/{call.path['place']}"
    body: dict[str, Any] = {"path": f"{parent}/user-restrictions/{user}", "user": f"users/{user}"}
    if row is None:
        nothing = {
            "active": False,
            "privateReason": "",
            "displayReason": "",
            "excludeAltAccounts": False,
        }
        return body | {"gameJoinRestriction": nothing | {"inherited": False}}
    over = row.seconds is not None and row.started + row.seconds * MICROS <= call.now
    restriction: dict[str, Any] = {
        "active": bool(row.active) and not over,
        "startTime": stamp(row.started),
        "privateReason": row.private,
        "displayReason": row.display,
        "excludeAltAccounts": bool(row.no_alts),
        "inherited": inherited,
    }
    if row.seconds is not None:
        restriction["duration"] = f"{row.seconds}s"
    return body | {"updateTime": stamp(row.updated), "gameJoinRestriction": restriction}


def _log(row: tuple[Any, ...]) -> dict[str, Any]:
    _, user, place, moderator, active, started, seconds, private, display, no_alts, created = row
    body: dict[str, Any] = {
        "user": f"users/{user}",
        "place": f"places/{place}" if place else "",
        "moderator": {"robloxUser": f"users/{moderator}"}
        if moderator
        else {"gameServerScript": {}},
        "createTime": stamp(created),
        "active": bool(active),
        "startTime": stamp(started),
        "privateReason": private,
        "displayReason": display,
        "restrictionType": {"gameJoinRestriction": {}},
        "excludeAltAccounts": bool(no_alts),
    }
    return body if seconds is None else body | {"duration": f"{seconds}s"}


def _idempotency_key(call: Call) -> str:
    sent = call.query("idempotencyKey.firstSent")
    if sent and moment(sent) < call.now - KEY_LIFETIME:
        raise invalid("idempotencyKey.firstSent is further in the past than a key lives.")
    return call.query("idempotencyKey.key")


def _first_answer(db: Connection, universe: int, key: str) -> bytes | None:
    if not key:
        return None
    query = "SELECT answer FROM sent_once WHERE universe = ? AND key = ? AND created > ?"
    row = db.execute(query, (universe, key, db.now - KEY_LIFETIME)).fetchone()
    return row[0] if row else None


def _filter(text: str) -> list[tuple[str, int]]:
    if not text:
        return []
    terms = [_TERM.fullmatch(term) for term in text.split("&&")]
    found = [(term[1], int(term[3])) for term in terms if term and term[2] == f"{term[1]}s"]
    if len(found) != len(terms):
        raise invalid(
            "Invalid filter: only user == 'users/1' and place == 'places/2', joined by &&, are"
            " supported."
        )
    return found
