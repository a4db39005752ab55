"""Users: looked up by id and by name."""

import re
import sqlite3
from typing import Any, NamedTuple

import msgspec

from roblox.emulator.calls import Answer, Call, Refused, Shape, invalid, stamp

NAMES_AT_ONCE = 100
BORN = 1_262_304_000_000_000  # when every account of the emulator was made
_CITIZEN = re.compile(r"citizen_([1-9][0-9]{0,17})", re.IGNORECASE)


class User(NamedTuple):
    id: int
    name: str
    display: str


class NamesBody(msgspec.Struct, rename="camel"):
    """What `POST /v1/usernames/users` takes."""

    usernames: list[str]
    exclude_banned_users: bool = False


def get_user(call: Call) -> Answer:
    number = int(call.path["user"])
    user = find(call.store.read(), number)
    if user is None:
        raise Refused("NOT_FOUND", f"User {number} was not found.")
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
    return Answer(200, body)


def find_names(call: Call) -> Answer:
    """Names that belong to nobody are left out."""
    names = call.json(NamesBody).usernames
    if len(names) > NAMES_AT_ONCE:
        raise invalid("Too many usernames.", shape=Shape.GATEWAY)
    db = call.store.read()
    found = [(name, by_name(db, name)) for name in names]
    return Answer(200, {"data": [_named(name, user) for name, user in found if user]})


def find(db: sqlite3.Connection, number: int) -> User | None:
    """A known user, or one of a seeded crowd, whose names follow from their ids."""
    row = db.execute("SELECT id, name, display FROM users WHERE id = ?", (number,)).fetchone()
    if row:
        return User(*row)
    query = "SELECT 1 FROM seeds WHERE ? >= first_user AND ? < first_user + players LIMIT 1"
    if db.execute(query, (number, number)).fetchone():
        return User(number, f"citizen_{number}", f"Citizen {number}")
    return None


def by_name(db: sqlite3.Connection, name: str) -> User | None:
    """Whatever the case of its letters."""
    row = db.execute("SELECT id, name, display FROM users WHERE name = ?", (name,)).fetchone()
    if row:
        return User(*row)
    match = _CITIZEN.fullmatch(name)
    user = find(db, int(match[1])) if match else None
    return user if user and user.name.lower() == name.lower() else None


def called(db: sqlite3.Connection, number: int) -> User:
    """A user as logs name it, also one that nobody has described."""
    return find(db, number) or User(number, f"user_{number}", f"User {number}")


def learn(db: sqlite3.Connection, number: int, name: str) -> None:
    """Somebody has this name from now on."""
    db.execute("INSERT OR REPLACE INTO users VALUES (?, ?, ?)", (number, name, name))


def _named(asked: str, user: User) -> dict[str, Any]:
    return {
        "requestedUsername": asked,
        "hasVerifiedBadge": False,
        "id": user.id,
        "name": user.name,
        "displayName": user.display,
    }
