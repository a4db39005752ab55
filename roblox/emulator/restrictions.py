"""User restrictions of a universe or one of its places, and their log."""

import json
import re
import time
from typing import Any

from roblox.emulator.http import Refusal, Request, page, seconds, stamp

USER_IS = re.compile(r"user == '(?:users/)?(\d+)'")


def _place(request: Request) -> int:
    return request.number("place") if "place" in request.parts else 0


def _shown(request: Request, universe: int, place: int, user: int) -> dict[str, Any]:
    row = request.store.row(
        "SELECT document, updated FROM restrictions WHERE universe = ? AND place = ? AND user = ?",
        universe,
        place,
        user,
    )
    below = f"universes/{universe}/places/{place}" if place else f"universes/{universe}"
    answer: dict[str, Any] = {"path": f"{below}/user-restrictions/{user}", "user": f"users/{user}"}
    if row is None:
        return answer | {"gameJoinRestriction": {"active": False, "inherited": False}}
    join = json.loads(row[0])
    lasts = seconds(join.get("duration"))
    if join["active"] and lasts is not None and row[1] + lasts <= time.time():
        join["active"] = False  # it ended by itself
    return answer | {"updateTime": stamp(row[1]), "gameJoinRestriction": join | {"inherited": False}}


def get_restriction(request: Request) -> Any:
    return _shown(request, request.number("universe"), _place(request), request.number("user"))


def list_restrictions(request: Request) -> Any:
    universe, place = request.number("universe"), _place(request)

    def fetch(after: list[Any] | None, count: int) -> list[tuple[list[Any], Any]]:
        rows = request.store.rows(
            "SELECT user FROM restrictions WHERE universe = ? AND place = ? AND user > ?"
            f" ORDER BY user LIMIT {count:d}",
            *(universe, place, after[0] if after else -1),
        )
        return [([row[0]], _shown(request, universe, place, row[0])) for row in rows]

    items, token = page(request, fetch, request.size(10, 100))
    return {"userRestrictions": items, "nextPageToken": token}


def update_restriction(request: Request) -> Any:
    universe, place, user = request.number("universe"), _place(request), request.number("user")
    mask = request.query.get("updateMask", "")
    if mask not in {"", "*", "game_join_restriction", "gameJoinRestriction"}:
        raise Refusal(400, "updateMask: only game_join_restriction can be updated, as a whole.")
    key = request.query.get("idempotencyKey.key", "")
    join = _checked(request.field("gameJoinRestriction", dict))
    with request.store.atomic():
        known = request.store.row("SELECT answer FROM idempotency WHERE key = ?", f"{universe}:{user}:{key}")
        if key and known is not None:
            return json.loads(known[0])
        restrict(request, universe, place, user, join, {"robloxUser": f"users/{request.owner}"})
        answer = _shown(request, universe, place, user)
        if key:
            request.store.write(
                "INSERT OR REPLACE INTO idempotency VALUES (?, ?)", f"{universe}:{user}:{key}", json.dumps(answer)
            )
        return answer


def _checked(join: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(join.get("active"), bool):
        raise Refusal(400, "gameJoinRestriction.active is missing or malformed.")
    duration = join.get("duration")
    lasts = seconds(duration)
    if duration is not None and (lasts is None or lasts < 1 or lasts != int(lasts)):
        raise Refusal(400, "gameJoinRestriction.duration must be whole seconds like 3600s.")
    for name, most in (("privateReason", 1000), ("displayReason", 400)):
        if len(join.get(name) or "") > most:
            raise Refusal(400, f"gameJoinRestriction.{name} must have at most {most} characters.")
    shown = join.get("displayReason") or ""
    if "http://" in shown or "https://" in shown or "@" in shown:
        raise Refusal(400, "displayReason was moderated by the text filter.")
    return join


def restrict(
    request: Request, universe: int, place: int, user: int, join: dict[str, Any], moderator: dict[str, Any]
) -> None:
    """Set a restriction and note it in the log."""
    now = time.time()
    document = {
        "active": join["active"],
        "startTime": stamp(now),
        **({"duration": join["duration"]} if join.get("duration") else {}),
        "privateReason": join.get("privateReason") or "",
        "displayReason": join.get("displayReason") or "",
        "excludeAltAccounts": bool(join.get("excludeAltAccounts")),
    }
    request.store.write(
        "INSERT OR REPLACE INTO restrictions VALUES (?, ?, ?, ?, ?)", universe, place, user, json.dumps(document), now
    )
    line = {
        "user": f"users/{user}",
        "place": f"places/{place}" if place else "",
        "moderator": moderator,
        "createTime": stamp(now),
        "restrictionType": {"gameJoinRestriction": {}},
        **document,
    }
    request.store.write(
        "INSERT INTO restriction_log (universe, user, document) VALUES (?, ?, ?)", universe, user, json.dumps(line)
    )


def list_logs(request: Request) -> Any:
    universe = request.number("universe")
    wanted = request.query.get("filter", "")
    user = USER_IS.search(wanted)
    if wanted and not user:
        raise Refusal(400, "Invalid filter.")

    def fetch(after: list[Any] | None, count: int) -> list[tuple[list[Any], Any]]:
        rows = request.store.rows(
            "SELECT id, document FROM restriction_log WHERE universe = ? AND id < ? AND (? = 0 OR user = ?)"
            f" ORDER BY id DESC LIMIT {count:d}",
            *(universe, after[0] if after else 2**62, int(user[1]) if user else 0, int(user[1]) if user else 0),
        )
        return [([row[0]], json.loads(row[1])) for row in rows]

    items, token = page(request, fetch, request.size(10, 100))
    return {"logs": items, "nextPageToken": token}
