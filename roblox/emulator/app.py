"""The WSGI application: finds the operation, applies faults, keys, scopes and limits, answers."""

import re
import sys
import time
import traceback
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from roblox.emulator import (
    api_keys,
    data_stores,
    data_stores_v1,
    groups,
    messaging,
    ordered,
    queues,
    restrictions,
    users,
)
from roblox.emulator.calls import Answer, Call, Key, Refused, Shape, micros
from roblox.emulator.control import Control
from roblox.emulator.faults import HUGE, Fault, Faults, huge
from roblox.emulator.limits import Limiter
from roblox.emulator.store import Store
from roblox.emulator.tally import Tally

Start = Callable[[str, list[tuple[str, str]]], object]
CONTROL = "/_emulator/"
PIECES = 20  # that a slow body comes in
PHRASES = {200: "OK", 204: "No Content", 404: "Not Found"}
_PARAMETER = re.compile(r"\{(\w+)\}")
_NUMBERS = frozenset({"universe", "place", "user", "role"})


@dataclass(frozen=True)
class Operation:
    """One operation of Open Cloud. In `pattern`, what stands in brackets may be left out."""

    name: str
    method: str
    pattern: str
    run: Callable[[Call], Answer]
    scopes: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    shape: Shape = Shape.V2
    needs_key: bool = True

    @cached_property
    def matcher(self) -> re.Pattern[str]:
        text = (
            re.escape(self.pattern)
            .replace(r"\{", "{")
            .replace(r"\}", "}")
            .replace(r"\[", "(?:")
            .replace(r"\]", ")?")
        )
        return re.compile(_PARAMETER.sub(_group, text))


def _group(match: re.Match[str]) -> str:
    kind = "[0-9]{1,18}" if match[1] in _NUMBERS else ".+" if match[1] == "entry" else "[^/]+"
    return f"(?P<{match[1]}>{kind})"


_V2 = "/cloud/v2/universes/{universe}"
_ENTRIES = _V2 + "/data-stores/{store}[/scopes/{scope}]/entries"
_ORDERED = _V2 + "/ordered-data-stores/{store}/scopes/{scope}/entries"
_QUEUE = _V2 + "/memory-store/queues/{queue}/items"
_BANS = _V2 + "[/places/{place}]/user-restrictions"
_GROUP = "/cloud/v2/groups/{group}"
_STORES_V1 = "/datastores/v1/universes/{universe}/standard-datastores"
_ENTRY_V1 = _STORES_V1 + "/datastore/entries/entry"
_ORDERED_V1 = (
    "/ordered-data-stores/v1/universes/{universe}/orderedDataStores/{store}/scopes/{scope}/entries"
)

_LIST, _READ = ("universe-datastores.objects:list",), ("universe-datastores.objects:read",)
_CREATE, _UPDATE = ("universe-datastores.objects:create",), ("universe-datastores.objects:update",)
_DELETE, _VERSIONS = ("universe-datastores.objects:delete",), ("universe-datastores.versions:list",)
_VERSION, _STORES = ("universe-datastores.versions:read",), ("universe-datastores.control:list",)
_SNAPSHOT = ("universe-datastores.control:snapshot",)
_ORDERED_READ = ("universe.ordered-data-store.scope.entry:read",)
_ORDERED_WRITE = ("universe.ordered-data-store.scope.entry:write",)
_BAN_READ, _BAN_WRITE = ("universe.user-restriction:read",), ("universe.user-restriction:write",)
_PUBLISH = ("universe-messaging-service:publish",)
_V1, _PLAIN, _GATEWAY = Shape.STORES_V1, Shape.PLAIN_V1, Shape.GATEWAY
_BAN_LIMITS = ("restrictionUpdate", "restrictionUpdateUser")

# The names are those of faults and of counted calls. What is more special stands before what is
# more general.
OPERATIONS = tuple(
    Operation(*row)
    for row in (
        ("dataStoreList", "GET", _V2 + "/data-stores", data_stores.list_stores, _STORES, ("dataStoreList",)),
        ("dataStoreSnapshot", "POST", _V2 + "/data-stores:snapshot", data_stores.snapshot, _SNAPSHOT,
         ("dataStoreSnapshot",)),
        ("dataStoreEntryList", "GET", _ENTRIES, data_stores.list_entries, _LIST, ("dataStoreList",)),
        ("dataStoreEntryCreate", "POST", _ENTRIES, data_stores.create_entry, _CREATE, ("dataStoreWrite",)),
        ("dataStoreRevisionList", "GET", _ENTRIES + "/{entry}:listRevisions", data_stores.list_revisions, _VERSIONS,
         ("dataStoreList",)),
        ("dataStoreEntryIncrement", "POST", _ENTRIES + "/{entry}:increment", data_stores.increment_entry,
         _CREATE + _UPDATE, ("dataStoreWrite",)),
        ("dataStoreEntryGet", "GET", _ENTRIES + "/{entry}", data_stores.get_entry, _READ, ("dataStoreRead",)),
        ("dataStoreEntryUpdate", "PATCH", _ENTRIES + "/{entry}", data_stores.update_entry, _UPDATE,
         ("dataStoreWrite",)),
        ("dataStoreEntryDelete", "DELETE", _ENTRIES + "/{entry}", data_stores.delete_entry, _DELETE,
         ("dataStoreRemove",)),
        ("dataStoreV1List", "GET", _STORES_V1, data_stores_v1.list_stores, _STORES, ("dataStoreV1Read",), _V1),
        ("dataStoreV1EntryList", "GET", _STORES_V1 + "/datastore/entries", data_stores_v1.list_entries, _LIST,
         ("dataStoreV1Read",), _V1),
        ("dataStoreV1EntryGet", "GET", _ENTRY_V1, data_stores_v1.get_entry, _READ, ("dataStoreV1Read",), _V1),
        ("dataStoreV1EntrySet", "POST", _ENTRY_V1, data_stores_v1.set_entry, _CREATE + _UPDATE,
         ("dataStoreV1Write",), _V1),
        ("dataStoreV1EntryDelete", "DELETE", _ENTRY_V1, data_stores_v1.delete_entry, _DELETE,
         ("dataStoreV1Write",), _V1),
        ("dataStoreV1EntryIncrement", "POST", _ENTRY_V1 + "/increment", data_stores_v1.increment_entry,
         _CREATE + _UPDATE, ("dataStoreV1Write",), _V1),
        ("dataStoreV1VersionList", "GET", _ENTRY_V1 + "/versions", data_stores_v1.list_versions, _VERSIONS,
         ("dataStoreV1Read",), _V1),
        ("dataStoreV1VersionGet", "GET", _ENTRY_V1 + "/versions/version", data_stores_v1.get_version, _VERSION,
         ("dataStoreV1Read",), _V1),
        ("orderedEntryList", "GET", _ORDERED, ordered.list_entries, _ORDERED_READ, ("orderedList",)),
        ("orderedEntryCreate", "POST", _ORDERED, ordered.create_entry, _ORDERED_WRITE, ("orderedWrite",)),
        ("orderedEntryIncrement", "POST", _ORDERED + "/{entry}:increment", ordered.increment_entry, _ORDERED_WRITE,
         ("orderedWrite",)),
        ("orderedEntryGet", "GET", _ORDERED + "/{entry}", ordered.get_entry, _ORDERED_READ, ("orderedRead",)),
        ("orderedEntryUpdate", "PATCH", _ORDERED + "/{entry}", ordered.update_entry, _ORDERED_WRITE, ("orderedWrite",)),
        ("orderedEntryDelete", "DELETE", _ORDERED + "/{entry}", ordered.delete_entry, _ORDERED_WRITE,
         ("orderedRemove",)),
        ("orderedV1EntryList", "GET", _ORDERED_V1, ordered.list_entries_v1, _ORDERED_READ, ("orderedV1Read",), _PLAIN),
        ("groupGet", "GET", _GROUP, groups.get_group, (), ("groupGet",)),
        ("groupMembershipList", "GET", _GROUP + "/memberships", groups.list_memberships, (), ("groupMemberships",)),
        ("groupRoleAssign", "POST", _GROUP + "/memberships/{membership}:assignRole", groups.assign_role,
         ("group:write",), ("groupAssign",)),
        ("groupRoleUnassign", "POST", _GROUP + "/memberships/{membership}:unassignRole", groups.unassign_role,
         ("group:write",), ("groupUnassign",)),
        ("groupMembershipUpdate", "PATCH", _GROUP + "/memberships/{membership}", groups.update_membership,
         ("group:write",), ("groupUpdate",)),
        ("groupRoleList", "GET", _GROUP + "/roles", groups.list_roles, (), ("groupRoles",)),
        ("groupRoleGet", "GET", _GROUP + "/roles/{role}", groups.get_role, (), ("groupRoles",)),
        ("groupAuditLog", "GET", "/legacy-groups/v1/groups/{group}/audit-log", groups.audit_log,
         ("legacy-group:manage",), ("groupAuditLog",), _GATEWAY),
        ("restrictionList", "GET", _BANS, restrictions.list_restrictions, _BAN_READ, ("restrictionList",)),
        ("restrictionLogList", "GET", _V2 + "/user-restrictions:listLogs", restrictions.list_logs, _BAN_READ,
         ("restrictionLogs",)),
        ("restrictionGet", "GET", _BANS + "/{user}", restrictions.get_restriction, _BAN_READ, ("restrictionGet",)),
        ("restrictionUpdate", "PATCH", _BANS + "/{user}", restrictions.update_restriction, _BAN_WRITE, _BAN_LIMITS),
        ("messagePublish", "POST", _V2 + ":publishMessage", messaging.publish, _PUBLISH, ("messaging",)),
        ("messageV1Publish", "POST", "/messaging-service/v1/universes/{universe}/topics/{topic}", messaging.publish_v1,
         _PUBLISH, ("messaging",), _PLAIN),
        ("queueItemAdd", "POST", _QUEUE, queues.add_item, ("memory-store.queue:add",), ("queueUnits",)),
        ("queueItemRead", "GET", _QUEUE + ":read", queues.read_items, ("memory-store.queue:dequeue",), ("queueUnits",)),
        ("queueItemDiscard", "POST", _QUEUE + ":discard", queues.discard_items, ("memory-store.queue:discard",),
         ("queueUnits",)),
        ("userGet", "GET", "/cloud/v2/users/{user}", users.get_user, (), ("users",)),
        ("usernameFind", "POST", "/v1/usernames/users", users.find_names, (), (), _GATEWAY, False),
        ("keyIntrospect", "POST", "/api-keys/v1/introspect", api_keys.introspect, (), (), _GATEWAY, False),
    )
)  # fmt: skip
NAMES = frozenset(operation.name for operation in OPERATIONS)


class Cut(Exception):
    """A fault: the connection ends without a complete answer."""


class Emulator:
    """The application: one instance in a process, called by many threads."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.limiter = Limiter()
        self.faults = Faults()
        self.tally = Tally(NAMES)
        self.control = Control(store, self.limiter, self.faults, self.tally)

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], _text(environ["PATH_INFO"])
        body = (
            environ["wsgi.input"].read()
            if int(environ.get("CONTENT_LENGTH") or 0) or _chunked(environ)
            else b""
        )
        query = dict(urllib.parse.parse_qsl(environ["QUERY_STRING"], keep_blank_values=True))
        if path.startswith(CONTROL):
            return _send(self._guarded(lambda: self._controlled(method, path, query, body)), start)
        operation, parameters = _find(method, path)
        if operation is None:
            return _send(_no_operation(path), start)
        call = Call(self.store, parameters, query, body, _headers(environ), path, micros())
        return self._answer(operation, call, start)

    def _answer(self, operation: Operation, call: Call, start: Start) -> Iterable[bytes]:
        fault = self.faults.strike(operation.name)
        if fault is None:
            answer = self._guarded(lambda: self._run(operation, call))
            self.tally.count(operation.name, str(answer.status))
            return _send(answer, start)
        if fault.kind in ("429", "500", "502", "503"):
            self.tally.count(operation.name, fault.kind)
            return _send(_refusal(operation, fault), start)
        if fault.kind == "drop":
            self.tally.count(operation.name, fault.kind)
            return _cut(start)
        call.repeats_page = fault.kind == "duplicatePage"
        answer = self._guarded(lambda: self._run(operation, call))
        outcome = fault.kind if fault.kind == "timeoutAfter" else str(answer.status)
        self.tally.count(operation.name, outcome)
        return _distorted(answer, fault, start)

    def _run(self, operation: Operation, call: Call) -> Answer:
        headers: dict[str, str] = {}
        try:
            if operation.needs_key:
                call.key = api_keys.opened_by(self.store.read(), call.header("x-api-key"))
                _check_scopes(operation, call, call.key)
            subjects = [(name, self._subject(name, call)) for name in operation.limits]
            headers = self.limiter.take(subjects)
            self._check_universe(call)
            answer = operation.run(call)
        except Refused as refused:
            answer = refused.answer(operation.shape)
        if call.extra_units:
            self.limiter.take_more(*subjects[0], call.extra_units)
        answer.headers = headers | answer.headers
        return answer

    def _subject(self, limit: str, call: Call) -> str:
        by = self.limiter.by(limit)
        if by == "owner":
            return str(call.owner)
        return (
            call.path["universe"]
            if by == "universe"
            else f"{call.path['universe']}/{call.path['user']}"
        )

    def _check_universe(self, call: Call) -> None:
        if "universe" not in call.path:
            return
        if (
            not self.store.read()
            .execute("SELECT 1 FROM universes WHERE id = ?", (call.universe,))
            .fetchone()
        ):
            raise Refused("NOT_FOUND", "The universe was not found.")

    def _controlled(self, method: str, path: str, query: dict[str, str], body: bytes) -> Answer:
        try:
            return self.control.answer(method, path.removeprefix(CONTROL), query, body)
        except Refused as refused:
            return Answer(400, {"error": refused.message})
        except OverflowError:
            return Answer(400, {"error": "A number does not fit into 64 bits."})

    def _guarded(self, work: Callable[[], Answer]) -> Answer:
        try:
            return work()
        except Exception:  # noqa: BLE001 - a mistake of the emulator must not look like a fault that a test asked for
            traceback.print_exc(file=sys.stderr)
            return Answer(500, {"error": "The emulator itself failed; its log says how."})


def _find(method: str, path: str) -> tuple[Operation | None, dict[str, str]]:
    for operation in OPERATIONS:
        if operation.method != method:
            continue
        match = operation.matcher.fullmatch(path)
        if match:
            return operation, {
                name: value for name, value in match.groupdict().items() if value is not None
            }
    return None, {}


def _no_operation(path: str) -> Answer:
    known = any(operation.matcher.fullmatch(path) for operation in OPERATIONS)
    if known:
        return Refused("METHOD_NOT_ALLOWED", "Method Not Allowed").answer(Shape.GATEWAY)
    return Refused("NOT_FOUND", "NotFound").answer(Shape.GATEWAY)


def _check_scopes(operation: Operation, call: Call, key: Key) -> None:
    universe = int(call.path["universe"]) if "universe" in call.path else None
    for scope in operation.scopes:
        if not key.may(scope, universe):
            code = (
                "INSUFFICIENT_SCOPE"
                if operation.shape in (Shape.STORES_V1, Shape.PLAIN_V1)
                else "PERMISSION_DENIED"
            )
            raise Refused(code, f"The API key does not have the scope {scope}.")


def _refusal(operation: Operation, fault: Fault) -> Answer:
    if fault.kind == "502":
        return Answer(
            502,
            b"<html><head><title>502 Bad Gateway</title></head></html>",
            {"content-type": "text/html"},
        )
    code = {"429": "RESOURCE_EXHAUSTED", "500": "INTERNAL", "503": "UNAVAILABLE"}[fault.kind]
    headers = {} if fault.retry_after is None else {"retry-after": f"{fault.retry_after:g}"}
    return Refused(code, f"A fault of the emulator: {code}.", headers=headers).answer(
        operation.shape
    )


def _distorted(answer: Answer, fault: Fault, start: Start) -> Iterable[bytes]:
    if fault.kind == "timeoutAfter":
        time.sleep(fault.seconds)
        return _cut(start)
    if fault.kind == "hugeBody":
        start("200 OK", [("content-type", "application/json"), ("content-length", str(HUGE + 14))])
        return huge()
    body, headers = _encoded(answer)
    if fault.kind == "truncate":
        body = body[: len(body) // 2]
    headers.append(("content-length", str(len(body))))
    start(_status(answer.status), headers)
    return _trickle(body, fault.seconds) if fault.kind == "slow" and body else [body]


def _trickle(body: bytes, seconds: float) -> Iterator[bytes]:
    size = max(1, -(-len(body) // PIECES))
    pieces = [body[place : place + size] for place in range(0, len(body), size)]
    for piece in pieces:
        time.sleep(seconds / len(pieces))
        yield piece


def _cut(start: Start) -> Iterator[bytes]:
    # The server closes the connection when the body fails: the caller never gets the bytes that
    # were promised.
    start("200 OK", [("content-type", "application/json"), ("content-length", "2")])
    return (_broken() for _ in range(1))


def _broken() -> bytes:
    raise Cut


def _send(answer: Answer, start: Start) -> list[bytes]:
    body, headers = _encoded(answer)
    start(_status(answer.status), headers)
    return [body]


def _encoded(answer: Answer) -> tuple[bytes, list[tuple[str, str]]]:
    if answer.body is None:
        return b"", list(answer.headers.items())
    body = answer.body if isinstance(answer.body, bytes) else msgspec.json.encode(answer.body)
    return body, list(({"content-type": "application/json"} | answer.headers).items())


def _status(status: int) -> str:
    return f"{status} {PHRASES.get(status, 'Status')}"


def _text(path: str) -> str:
    return path.encode("latin-1", "replace").decode("utf-8", "replace")


def _headers(environ: dict[str, Any]) -> Callable[[str], str | None]:
    def header(name: str) -> str | None:
        key = name.upper().replace("-", "_")
        return environ.get(key if key.startswith("CONTENT_TYPE") else f"HTTP_{key}")

    return header


def _chunked(environ: dict[str, Any]) -> bool:
    return "HTTP_TRANSFER_ENCODING" in environ
