"""Users, looked up by id and by name."""

import re
from typing import Any, NamedTuple

import msgspec
from werkzeug import Response

from roblox.emulator.calls import Call
from roblox.emulator.clock import stamp
from roblox.emulator.errors import invalid, not_found
from roblox.emulator.responses import respond
from roblox.emulator.store import Connection

NAMES_AT_ONCE = 100
BORN = 1_262_304_000_000_000  # when every account of the emulator was created
_CITIZEN = re.compile(r"citizen_([1-9][0-9]{0,17})", re.IGNORECASE)


class User(NamedTuple):
    id: int
    name: str
    display: str


class NamesBody(msgspec.Struct, rename="camel"):
    usernames: list[str]
    exclude_banned_users: bool = False


class IdsBody(msgspec.Struct, rename="camel"):
    user_ids: list[int]
    exclude_banned_users: bool = False


def get_user(call: Call) -> Response:
    number = int(call.path["user"])
    user = find(call.store.read(), number)
    if user is None:
        raise not_found(f"User {number} was not found.")
    body: dict[str, Any] = {
        "path": f"users/{user.id}",
        "createTime": stamp(BORN),
        "id": str(user.id),
        "name": user.name,
        "displayName": user.display,
        "about": "",
        "locale": "en_us",
    }
    if call.key and call.key.may("user.advanced:read", None):
        body |= {"premium": False, "idVerified": False}
    if call.key and call.key.may("user.social:read", None):
        body["socialNetworkProfiles"] = {"visibility": "NO_ONE"}
    return respond(body)


def find_names(call: Call) -> Response:
    """List the users of these names, without unknown names."""
    names = call.json(NamesBody).usernames
    if len(names) > NAMES_AT_ONCE:
        raise invalid("Too many usernames.")
    db = call.store.read()
    found = [(name, by_name(db, name)) for name in names]
    return respond({"data": [_found(name, user) for name, user in found if user]})


def find_ids(call: Call) -> Response:
    """List the users of these ids, without unknown ones."""
    ids = call.json(IdsBody).user_ids
    if len(ids) > NAMES_AT_ONCE:
        raise invalid("Too many user ids.")
    db = call.store.read()
    users = filter(None, (find(db, number) for number in ids))
    return respond({"data": [_account(user) for user in users]})


def find(db: Connection, number: int) -> User | None:
    """Find a known user, or a seeded one, whose name follows from the id."""
    row = db.execute("SELECT id, name, display FROM users WHERE id = ?", (number,)).fetchone()
    if row:
        return User(*row)
    query = "SELECT 1 FROM seeds WHERE ? >= first_user AND ? < first_user + players LIMIT 1"
    if db.execute(query, (number, number)).fetchone():
        return User(number, f"citizen_{number}", f"Citizen {number}")
    return None


def by_name(db: Connection, name: str) -> User | None:
    """Find a user by name in any case."""
    row = db.execute("SELECT id, name, display FROM users WHERE name = ?", (name,)).fetchone()
    if row:
        return User(*row)
    match = _CITIZEN.fullmatch(name)
    user = find(db, int(match[1])) if match else None
    return user if user and user.name.lower() == name.lower() else None


def for_log(db: Connection, number: int) -> User:
    """Return a user for a log, with a made-up name if unknown."""
    return find(db, number) or User(number, f"user_{number}", f"User {number}")


def rename(db: Connection, number: int, name: str) -> None:
    """Store a user's name."""
    db.execute("INSERT OR REPLACE INTO users VALUES (?, ?, ?)", (number, name, name))


def _found(asked: str, user: User) -> dict[str, Any]:
    return {"requestedUsername": asked, **_account(user)}


def _account(user: User) -> dict[str, Any]:
    return {
        "hasVerifiedBadge": False,
        "id": user.id,
        "name": user.name,
        "displayName": user.display,
    }
