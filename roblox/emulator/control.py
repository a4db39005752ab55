"""The emulator's own interface under `/_emulator/`, for tests."""

from collections.abc import Callable
from typing import Any

import msgspec
from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from roblox.emulator import entries, memberships, setup
from roblox.emulator.acts import Act
from roblox.emulator.clock import stamp
from roblox.emulator.entries import EntryId
from roblox.emulator.errors import ApiError, invalid, not_found
from roblox.emulator.faults import Fault, Faults
from roblox.emulator.groups import Member
from roblox.emulator.limits import Limiter
from roblox.emulator.responses import respond
from roblox.emulator.seeding import Seed
from roblox.emulator.setup import Body
from roblox.emulator.store import Store
from roblox.emulator.tally import Tally

PREFIX = "/_emulator/"
_ANY_ACT: Any = Act  # the type checker accepts no union as a type


class ClockBody(Body):
    advance: float = 0  # seconds


class FaultsBody(Body):
    faults: list[Fault]
    seed: int = 0


class EmptyBody(Body):
    pass


class Control:
    """Views under `/_emulator/…`. Malformed input is answered with 400 and a sentence."""

    def __init__(self, store: Store, limiter: Limiter, faults: Faults, tally: Tally) -> None:
        self.store, self.limiter, self.faults, self.tally = store, limiter, faults, tally
        urls = Map(
            [
                _post("reset", self._reset),
                _post("clock", self._advance_clock),
                _get("clock", lambda _: self._time()),
                _post("keys", self._taking(setup.KeyBody, setup.put_key)),
                _rule("DELETE", "keys/<path:key>", self._delete_key),
                _post("universes", self._taking(setup.UniverseBody, setup.put_universe)),
                _post("groups", self._taking(setup.GroupBody, setup.put_group)),
                _post("members", self._taking(setup.MembersBody, setup.put_members)),
                _rule("DELETE", "members/<int:group>/<int:user>", self._remove_member),
                _post("seed", self._taking(Seed, setup.seed_players)),
                _post("act", self._act),
                _post("options", self._taking(dict[str, float], setup.put_options)),
                _post("limits", self._change_limits),
                _get("limits", lambda _: self.limiter.figures()),
                _post("faults", self._replace_faults),
                _get("calls", lambda _: self.tally.counted()),
                _post("calls/reset", self._reset_calls),
                _get("entry", self._entry),
                _get("messages", self._messages),
                _get("items", self._count_items),
                _get("health", lambda _: {"ready": True}),
            ]
        )
        self._urls = urls.bind("emulator")

    def respond(self, request: Request) -> Response:
        try:
            handler, parameters = self._urls.match(request.path, request.method)
            found = handler(request, **parameters)
            return respond({} if found is None else found)
        except HTTPException:
            message = f"{request.method} {request.path} does not exist."
            return respond({"error": message}, 404)
        except ApiError as error:
            return respond({"error": error.message}, 404 if error.code == "NOT_FOUND" else 400)
        except OverflowError:
            return respond({"error": "A number does not fit into 64 bits."}, 400)

    def _taking[T](
        self, kind: type[T], perform: Callable[[Store, T], Any]
    ) -> Callable[[Request], Any]:
        return lambda request: perform(self.store, _body(request, kind))

    def _reset(self, request: Request) -> None:
        _body(request, EmptyBody)
        self.store.empty()
        self.store.clock.reset()
        self.limiter.reset()
        self.faults.replace([], 0)
        self.tally.reset()

    def _advance_clock(self, request: Request) -> dict[str, str]:
        seconds = _body(request, ClockBody).advance
        if seconds < 0:
            raise invalid("The clock only advances: advance is at least 0.")
        self.store.clock.advance(seconds)
        return self._time()

    def _time(self) -> dict[str, str]:
        return {"now": stamp(self.store.clock.now())}

    def _delete_key(self, _: Request, key: str) -> None:
        with self.store.write() as db:
            if not db.execute("DELETE FROM api_keys WHERE key = ?", (key,)).rowcount:
                raise not_found("There is no such key.")

    def _remove_member(self, _: Request, group: int, user: int) -> None:
        with self.store.write() as db:
            if not memberships.leave(db, Member(group, user)):
                raise not_found(f"User {user} is no member of group {group}.")

    def _act(self, request: Request) -> None:
        act: Act = _body(request, _ANY_ACT)
        with self.store.write() as db:
            act.perform(db)

    def _change_limits(self, request: Request) -> dict[str, int | None]:
        figures = _body(request, dict[str, int | None])
        unknown = set(figures) - set(self.limiter.figures()) - {"all"}
        if unknown:
            raise invalid(f"There is no class of limits {sorted(unknown)[0]!r}.")
        self.limiter.change(figures)
        return self.limiter.figures()

    def _replace_faults(self, request: Request) -> None:
        body = _body(request, FaultsBody)
        named = {name for fault in body.faults for name in fault.operations}
        unknown = named - self.tally.names - {"*"}
        if unknown:
            raise invalid(f"There is no operation {sorted(unknown)[0]!r}.")
        self.faults.replace(body.faults, body.seed)

    def _reset_calls(self, request: Request) -> None:
        _body(request, EmptyBody)
        self.tally.reset()

    def _entry(self, request: Request) -> bytes:
        db, query = self.store.read(), request.args
        store = entries.store_id(db, _number(request, "universeId"), query.get("store", ""))
        scope = query.get("scope") or "global"
        entry = entries.find(db, EntryId(store, scope, query.get("key", "")))
        if entry is None or entry.value is None:
            raise not_found("There is no such entry.")
        return entry.value.encode()

    def _messages(self, request: Request) -> list[dict[str, Any]]:
        after = _number(request, "after") if "after" in request.args else 0
        rows = self.store.read().execute(
            "SELECT id, topic, message, sent FROM messages"
            " WHERE universe = ? AND id > ? ORDER BY id",
            (_number(request, "universeId"), after),
        )
        return [
            {"id": number, "topic": topic, "message": message, "at": stamp(at)}
            for number, topic, message, at in rows
        ]

    def _count_items(self, request: Request) -> dict[str, int]:
        universe, queue = _number(request, "universeId"), request.args.get("queue", "")
        row = self.store.read().execute(
            "SELECT count(*) FROM queue_items WHERE universe = ? AND queue = ? AND expires > ?",
            (universe, queue, self.store.clock.now()),
        )
        return {"items": row.fetchone()[0]}


def _rule(method: str, path: str, handler: Callable[..., Any]) -> Rule:
    return Rule(PREFIX + path, endpoint=handler, methods=[method])


def _post(path: str, handler: Callable[[Request], Any]) -> Rule:
    return _rule("POST", path, handler)


def _get(path: str, handler: Callable[[Request], Any]) -> Rule:
    return _rule("GET", path, handler)


def _body[T](request: Request, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(request.get_data() or b"{}", type=kind, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise invalid(f"The body cannot be read: {error}.") from None


def _number(request: Request, name: str) -> int:
    text = request.args.get(name, "")
    if not text.isdecimal():
        raise invalid(f"{name} must be a number.")
    return int(text)
