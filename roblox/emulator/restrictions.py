"""User restrictions: bans of a universe or of one place, and the log of them."""

import re
import sqlite3
from typing import Any, NamedTuple

import msgspec

from roblox.emulator.calls import MICROS, Answer, Call, duration, invalid, listing, moment, stamp

LONGEST = 315_576_000_000  # seconds
PRIVATE_LENGTH, DISPLAY_LENGTH = 1000, 400
KEY_LIFETIME = 86_400 * MICROS  # of an idempotency key
WHOLE_UNIVERSE = 0  # as the place of a restriction
_TERM = re.compile(r"""\s*"?\s*(user|place)\s*==\s*'(users|places)/([0-9]{1,18})'\s*"?\s*""")


class Restriction(msgspec.Struct, rename="camel"):
    """Who is kept out, for how long and why; no duration is for ever."""

    active: bool = False
    duration: str | None = None
    private_reason: str = ""
    display_reason: str = ""
    exclude_alt_accounts: bool = False


class UpdateBody(msgspec.Struct, rename="camel"):
    """`gameJoinRestriction` is replaced as a whole."""

    game_join_restriction: Restriction | None = None


class Row(NamedTuple):
    """A restriction in force or over; times are microseconds, `seconds` is None for ever."""

    active: int
    started: int
    seconds: int | None
    private: str
    display: str
    no_alts: int
    updated: int


def get_restriction(call: Call) -> Answer:
    """Also of somebody who was never restricted."""
    user = int(call.path["user"])
    return Answer(
        200, _restriction(call, user, *_row(call.store.read(), call.universe, _place(call), user))
    )


def list_restrictions(call: Call) -> Answer:
    """Everybody who was ever banned here, whether or not it is in force."""
    page = call.page(10, 100)
    names = "user, active, started, seconds, private, display, no_alts, updated"
    rows = call.store.read().execute(
        f"SELECT {names} FROM restrictions WHERE universe = ? AND place = ? AND user > ? ORDER BY user LIMIT ?",
        (call.universe, _place(call), page.cursor or 0, page.fetch),
    )
    kept, token = page.cut(rows.fetchall(), lambda row: row[0])
    found = (_restriction(call, user, Row(*row), inherited=False) for user, *row in kept)
    return listing("userRestrictions", found, token)


def update_restriction(call: Call) -> Answer:
    """An idempotency key that was seen answers as the first time."""
    if call.query.get("updateMask", "game_join_restriction") not in (
        "game_join_restriction",
        "gameJoinRestriction",
    ):
        raise invalid("updateMask can only be game_join_restriction.")
    once = _idempotency_key(call)
    wanted = call.json(UpdateBody).game_join_restriction
    if wanted is None:
        raise invalid("gameJoinRestriction is needed.")
    user, place = int(call.path["user"]), _place(call)
    with call.store.write() as db:
        seen = _first_answer(db, call, once)
        if seen is not None:
            return Answer(200, seen)
        restrict(db, call.universe, place, user, wanted, call.owner, call.now)
        body = _restriction(call, user, *_row(db, call.universe, place, user))
        if once:
            kept = (call.universe, once, msgspec.json.encode(body), call.now)
            db.execute("INSERT OR REPLACE INTO sent_once VALUES (?, ?, ?, ?)", kept)
    return Answer(200, body)


def restrict(
    db: sqlite3.Connection,
    universe: int,
    place: int,
    user: int,
    wanted: Restriction,
    moderator: int | None,
    now: int,
) -> None:
    """Ban or unban and log it; the moderator is None for a script of the game. Refused (400)."""
    if len(wanted.private_reason) > PRIVATE_LENGTH or len(wanted.display_reason) > DISPLAY_LENGTH:
        raise invalid(
            f"privateReason has at most {PRIVATE_LENGTH} characters, displayReason {DISPLAY_LENGTH}."
        )
    seconds = None if wanted.duration is None else duration(wanted.duration, LONGEST)
    told = (
        wanted.active,
        now,
        seconds,
        wanted.private_reason,
        wanted.display_reason,
        wanted.exclude_alt_accounts,
        now,
    )
    db.execute(
        "INSERT OR REPLACE INTO restrictions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (universe, place, user, *told),
    )
    db.execute(
        "INSERT INTO restriction_log (universe, place, user, moderator, active, started, seconds, private, display,"
        " no_alts, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (universe, place, user, moderator, *told),
    )


def list_logs(call: Call) -> Answer:
    """Newest first, of the universe and of its places."""
    page = call.page(10, 100)
    conditions, values = ["universe = ?"], [call.universe]
    for name, number in _filter(call.query.get("filter", "")):
        conditions.append(f"{name} = ?")
        values.append(number)
    if page.cursor is not None:
        conditions.append("id < ?")
        values.append(page.cursor)
    names = (
        "id, user, place, moderator, active, started, seconds, private, display, no_alts, created"
    )
    query = f"SELECT {names} FROM restriction_log WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT ?"
    rows = call.store.read().execute(query, (*values, page.fetch)).fetchall()
    kept, token = page.cut(rows, lambda row: row[0])
    return listing("logs", (_log(row) for row in kept), token)


def _place(call: Call) -> int:
    return int(call.path.get("place") or WHOLE_UNIVERSE)


def _row(db: sqlite3.Connection, universe: int, place: int, user: int) -> tuple[Row | None, bool]:
    """The restriction that applies, and whether a place has it from its universe."""
    own = _stored(db, universe, place, user)
    if own is not None or place == WHOLE_UNIVERSE:
        return own, False
    above = _stored(db, universe, WHOLE_UNIVERSE, user)
    return above, above is not None


def _stored(db: sqlite3.Connection, universe: int, place: int, user: int) -> Row | None:
    names = "active, started, seconds, private, display, no_alts, updated"
    where = "universe = ? AND place = ? AND user = ?"
    row = db.execute(
        f"SELECT {names} FROM restrictions WHERE {where}", (universe, place, user)
    ).fetchone()
    return Row(*row) if row else None


def _restriction(call: Call, user: int, row: Row | None, inherited: bool) -> dict[str, Any]:
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
    told: dict[str, Any] = {
        "active": bool(row.active) and not over,
        "startTime": stamp(row.started),
        "privateReason": row.private,
        "displayReason": row.display,
        "excludeAltAccounts": bool(row.no_alts),
        "inherited": inherited,
    }
    if row.seconds is not None:
        told["duration"] = f"{row.seconds}s"
    return body | {"updateTime": stamp(row.updated), "gameJoinRestriction": told}


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
    once, sent = (
        call.query.get("idempotencyKey.key", ""),
        call.query.get("idempotencyKey.firstSent", ""),
    )
    if sent and moment(sent) < call.now - KEY_LIFETIME:
        raise invalid("idempotencyKey.firstSent is further in the past than a key lives.")
    return once


def _first_answer(db: sqlite3.Connection, call: Call, once: str) -> msgspec.Raw | None:
    if not once:
        return None
    where = "universe = ? AND key = ? AND created > ?"
    row = db.execute(
        f"SELECT answer FROM sent_once WHERE {where}",
        (call.universe, once, call.now - KEY_LIFETIME),
    )
    found = row.fetchone()
    return msgspec.Raw(found[0]) if found else None


def _filter(text: str) -> list[tuple[str, int]]:
    if not text:
        return []
    terms = [_TERM.fullmatch(term) for term in text.split("&&")]
    found = [(term[1], int(term[3])) for term in terms if term and term[2] == f"{term[1]}s"]
    if len(found) != len(terms):
        raise invalid(
            "Invalid filter: only user == 'users/1' and place == 'places/2', joined by &&, are supported."
        )
    return found
