"""What no Roblox has: the hands of whoever runs the emulator. All of it below /_emulator/."""

import json
import time
from typing import TYPE_CHECKING, Any

from roblox.emulator import groups, live, restrictions, seeding
from roblox.emulator.data_stores import WHERE, put_value
from roblox.emulator.http import Refusal, Request, seconds

if TYPE_CHECKING:
    from roblox.emulator.app import Emulator


def answer(emulator: "Emulator", method: str, path: str, query: dict[str, str], raw: bytes) -> tuple[int, Any]:
    """Status and document of a control call; 400 with a sentence for what is malformed."""
    name, *rest = path.removeprefix("/_emulator/").split("/")
    try:
        body = json.loads(raw) if raw else {}
        act = getattr(Control(emulator), f"{method.lower()}_{name}", None)
        if act is None:
            return 404, {"message": f"There is no {method} /_emulator/{name}."}
        return 200, act(body if method == "POST" else query, rest)
    except Refusal as refusal:
        return refusal.status, refusal.body
    except KeyError as missing:
        return 400, {"message": f"{missing} is missing or not known."}
    except (ValueError, TypeError, AttributeError) as error:
        return 400, {"message": f"malformed: {error}"}


class Control:
    def __init__(self, emulator: "Emulator") -> None:
        self.emulator = emulator
        self.store = emulator.store

    def post_reset(self, body: Any, rest: list[str]) -> Any:
        self.store.empty()
        self.emulator.limits.reset()
        self.emulator.faults.set([], 0)
        self.emulator.calls.clear()
        self.emulator.pages.clear()
        return {}

    def post_keys(self, body: Any, rest: list[str]) -> Any:
        key = {
            "name": body.get("name", ""),
            "ownerUserId": int(body.get("ownerUserId", 1)),
            "scopes": list(body.get("scopes", ["*"])),
            "enabled": bool(body.get("enabled", True)),
            "expirationTimeUtc": body.get("expirationTimeUtc"),
        }
        self.store.write("INSERT OR REPLACE INTO api_keys VALUES (?, ?)", body["key"], json.dumps(key))
        return {}

    def delete_keys(self, query: Any, rest: list[str]) -> Any:
        return {"removed": self.store.write("DELETE FROM api_keys WHERE key = ?", rest[0])}

    def post_universes(self, body: Any, rest: list[str]) -> Any:
        values = int(body["universeId"]), int(body.get("rootPlaceId", 0)), body.get("name", "")
        self.store.write("INSERT OR REPLACE INTO universes VALUES (?, ?, ?)", *values)
        return {}

    def post_groups(self, body: Any, rest: list[str]) -> Any:
        group = int(body["groupId"])
        roles = [(group, int(role["id"]), int(role["rank"]), role["displayName"]) for role in body["roles"]]
        with self.store.atomic():
            owner = int(body.get("ownerUserId", 1))
            self.store.write("INSERT OR REPLACE INTO groups VALUES (?, ?, ?)", group, body.get("name", ""), owner)
            self.store.write_many("INSERT OR REPLACE INTO roles VALUES (?, ?, ?, ?)", roles)
        return {}

    def post_members(self, body: Any, rest: list[str]) -> Any:
        group, now = int(body["groupId"]), time.time()
        with self.store.atomic():
            for member in body["members"]:
                user = int(member["userId"])
                roles = json.dumps(sorted(map(int, member.get("roles", []))))
                self.store.write("INSERT OR REPLACE INTO members VALUES (?, ?, ?, ?, ?)", group, user, roles, now, now)
                name = member.get("username", f"user_{user}")
                shown = member.get("displayName", name)
                self.store.write("INSERT OR REPLACE INTO users VALUES (?, ?, ?)", user, name, shown)
        return {}

    def delete_members(self, query: Any, rest: list[str]) -> Any:
        where = int(rest[0]), int(rest[1])
        return {"removed": self.store.write("DELETE FROM members WHERE group_id = ? AND user = ?", *where)}

    def post_seed(self, body: Any, rest: list[str]) -> Any:
        return seeding.seed(self.store, body)

    def post_act(self, body: Any, rest: list[str]) -> Any:
        """What happens on Roblox without Open Cloud: games and people act, without key and limit."""
        with self.store.atomic():
            getattr(self, f"_{body['act']}")(body)
        return {}

    def _request(self, body: Any, **parts: Any) -> Request:
        return Request(self.store, "act", {name: str(part) for name, part in parts.items()}, {}, body, 0)

    def _setEntry(self, body: Any) -> None:
        request = self._request(
            body, universe=body["universeId"], store=body["store"], scope=body.get("scope") or "global"
        )
        where = int(body["universeId"]), body["store"], body.get("scope") or "global"
        row = self.store.row(
            "SELECT id, value, users, attributes, revision, created, updated, state FROM entries"
            f" WHERE {WHERE} AND id = ?",
            *(*where, body["key"]),
        )
        put_value(request, body["key"], body["value"], users=[], attributes={}, row=row)
        index = body.get("index")
        if index:
            values = where[0], index["store"], "global", str(index["id"]), int(index["value"])
            self.store.write("INSERT OR REPLACE INTO ordered VALUES (?, ?, ?, ?, ?)", *values)

    def _removeEntry(self, body: Any) -> None:
        where = int(body["universeId"]), body["store"], body.get("scope") or "global"
        self.store.write(f"DELETE FROM entries WHERE {WHERE} AND id = ?", *where, body["key"])

    def _setRoles(self, body: Any) -> None:
        roles = set(map(int, body["roles"]))
        groups.set_roles(self._request(body), int(body["groupId"]), int(body["userId"]), roles, actor=0)

    def _ban(self, body: Any) -> None:
        join = {name: body.get(name) for name in ("active", "duration", "displayReason", "privateReason")}
        moderator = {"gameServerScript": {}}
        restrictions.restrict(self._request(body), int(body["universeId"]), 0, int(body["userId"]), join, moderator)

    def _enqueue(self, body: Any) -> None:
        ttl = seconds(body.get("ttl", "600s")) or 0
        where = int(body["universeId"]), body["queue"]
        live.enqueue(self._request(body), *where, body["data"], float(body.get("priority", 0)), ttl)

    def get_entry(self, query: Any, rest: list[str]) -> Any:
        where = int(query["universeId"]), query["store"], query.get("scope") or "global", query["key"]
        row = self.store.row(f"SELECT value FROM entries WHERE {WHERE} AND id = ? AND state = 'ACTIVE'", *where)
        if row is None:
            raise Refusal(404, "There is no such entry.")
        return json.loads(row[0])

    def get_messages(self, query: Any, rest: list[str]) -> Any:
        rows = self.store.rows(
            "SELECT topic, message, at FROM messages WHERE universe = ? ORDER BY id", int(query["universeId"])
        )
        return [{"topic": topic, "message": message, "at": at} for topic, message, at in rows]

    def post_listing(self, body: Any, rest: list[str]) -> Any:
        """`{"delaySeconds": 5}`: a new entry is listed so much later than it can be read."""
        self.store.write(
            "INSERT OR REPLACE INTO notes VALUES ('listingDelaySeconds', ?)", str(float(body["delaySeconds"]))
        )
        return {}

    def post_limits(self, body: Any, rest: list[str]) -> Any:
        self.emulator.limits.change(body)
        return self.get_limits({}, rest)

    def get_limits(self, query: Any, rest: list[str]) -> Any:
        return {name: limit.calls for name, limit in self.emulator.limits.figures.items()}

    def post_faults(self, body: Any, rest: list[str]) -> Any:
        self.emulator.faults.set(body["faults"], int(body.get("seed", 7)))
        return {}

    def get_calls(self, query: Any, rest: list[str]) -> Any:
        calls: dict[str, dict[str, int]] = {}
        with self.emulator.lock:
            for (name, status), number in self.emulator.calls.items():
                calls.setdefault(name, {})[str(status)] = number
        return {"calls": calls, "total": sum(sum(counts.values()) for counts in calls.values())}

    def post_calls(self, body: Any, rest: list[str]) -> Any:
        with self.emulator.lock:
            self.emulator.calls.clear()
        return {}
