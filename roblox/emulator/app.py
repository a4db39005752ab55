"""The WSGI application: key, limit, fault, operation, answer."""

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl, unquote

from roblox.emulator import control, seeding
from roblox.emulator.faults import Fault, Faults
from roblox.emulator.http import Refusal, Request, at_the_gateway
from roblox.emulator.limits import Limits
from roblox.emulator.live import is_expired
from roblox.emulator.operations import KEYLESS, Operation, find, is_known
from roblox.emulator.store import Store

MOST_BODY = 8 * 1024 * 1024
HUGE = 64 * 1024 * 1024
REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 429: "Too Many"}
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class Emulator:
    """One Roblox. The store may be shared with earlier processes; limits, faults and counts begin with this one."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.limits = Limits()
        self.faults = Faults()
        self.calls: Counter[tuple[str, int]] = Counter()
        self.pages: dict[str, bytes] = {}
        self.lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("RAW_URI", "").partition("?")[0] or environ["PATH_INFO"]
        query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        body = _body(environ)
        if path.startswith("/_emulator/"):
            status, document = control.answer(self, environ["REQUEST_METHOD"], unquote(path), query, body)
            return _send(start_response, status, _json(document), {})
        return self._serve(environ, path, query, body, start_response)

    def _serve(
        self, environ: dict[str, Any], path: str, query: dict[str, str], body: bytes, start_response: StartResponse
    ) -> Iterable[bytes]:
        found = find(environ["REQUEST_METHOD"], path)
        name = found[0].name if found else "unknown"
        fault = self.faults.strike(name) if found else None
        headers: dict[str, str] = {}
        try:
            if found is None:
                raise at_the_gateway(405 if is_known(path) else 404, "Not Found")
            self._fail_before(fault)
            document = self._answer(found[0], found[1], query, body, environ.get("HTTP_X_API_KEY", ""), headers)
            status, text = 200, _json(document)
        except Refusal as refusal:
            status, text = refusal.status, _json(refusal.body)
            headers |= refusal.headers
        with self.lock:
            self.calls[name, status] += 1
        return self._spoiled(fault, path, status, text, headers, start_response)

    def _answer(
        self,
        operation: Operation,
        parts: dict[str, str],
        query: dict[str, str],
        body: bytes,
        key: str,
        headers: dict[str, str],
    ) -> Any:
        parts = {name: unquote(part) for name, part in parts.items()}
        owner = 0 if operation.name in KEYLESS else self._owner(operation, key, parts.get("universe"))
        self._spend(operation, parts, owner, headers)
        try:
            document = json.loads(body) if body else {}
        except ValueError:
            raise Refusal(400, "The body is not JSON.") from None
        return operation.handler(Request(self.store, operation.name, parts, query, document, owner, headers))

    def _owner(self, operation: Operation, key: str, universe: str | None) -> int:
        """The user whose key it is; refused where the key does not open this."""
        row = self.store.row("SELECT document FROM api_keys WHERE key = ?", key) if key else None
        if row is None:
            raise at_the_gateway(401, "Invalid API Key")
        document = json.loads(row[0])
        if not document["enabled"] or is_expired(document):
            raise at_the_gateway(401, "Invalid API Key")
        for scope in operation.scopes:
            if not any(_grants(one, scope, universe) for one in document["scopes"]):
                raise Refusal(403, "The API key does not have the required scope.")
        return int(document["ownerUserId"])

    def _spend(self, operation: Operation, parts: dict[str, str], owner: int, headers: dict[str, str]) -> None:
        kinds = [operation.limit]
        if operation.name == "restrictionUpdate":
            kinds.append("restrictionOfUser")
        for kind in kinds:
            per = self.limits.figures[kind].per
            whose = {"universe": parts.get("universe", ""), "owner": str(owner)}.get(per)
            standing = self.limits.spend(kind, whose or f"{parts.get('universe')}:{parts.get('user')}")
            if standing is None:
                continue
            headers.update(standing.headers())
            if not standing.allowed:
                raise Refusal(429, "Too many requests.", headers=standing.headers())

    def _fail_before(self, fault: Fault | None) -> None:
        if fault is None:
            return
        if fault.kind == "429":
            told = {} if fault.retry_after is None else {"retry-after": f"{fault.retry_after:g}"}
            raise Refusal(429, "Too many requests.", headers=told)
        if fault.kind == "502":
            raise Refusal(502, "Bad Gateway", body="<html>Bad Gateway</html>")
        if fault.kind in {"500", "503"}:
            raise Refusal(int(fault.kind), "The service is not available.")
        if fault.kind == "drop":
            raise ConnectionAbortedError("dropped on purpose")

    def _spoiled(
        self,
        fault: Fault | None,
        path: str,
        status: int,
        text: bytes,
        headers: dict[str, str],
        start_response: StartResponse,
    ) -> Iterable[bytes]:
        kind = fault.kind if fault is not None and status == 200 else ""
        if fault is not None and kind == "timeoutAfter":
            time.sleep(fault.seconds)
            raise ConnectionAbortedError("no answer on purpose")
        if kind == "truncate":
            text = text[: len(text) // 2]
        if kind == "hugeBody":
            return _stream(start_response, headers, _blank(HUGE))
        if fault is not None and kind == "slow":
            return _stream(start_response, headers, _trickle(text, fault.seconds))
        if b'"nextPageToken"' in text and status == 200:
            text = self._page(path, text, again=kind == "duplicatePage")
        return _send(start_response, status, text, headers)

    def _page(self, path: str, text: bytes, *, again: bool) -> bytes:
        """Remember a page; `again`: its items come after those of the page before, once more."""
        with self.lock:
            before = self.pages.get(path)
            self.pages[path] = text
        if not again or before is None:
            return text
        document, earlier = json.loads(text), json.loads(before)
        for name, items in document.items():
            if isinstance(items, list) and isinstance(earlier.get(name), list):
                document[name] = [*earlier[name][-3:], *items]
        return _json(document)


def _grants(granted: Any, scope: str, universe: str | None) -> bool:
    if isinstance(granted, str):
        return granted in {"*", scope}
    universes = [str(one) for one in granted.get("universeIds") or ["*"]]
    return granted["scope"] in {"*", scope} and (universe is None or bool({"*", universe} & set(universes)))


def _body(environ: dict[str, Any]) -> bytes:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    return environ["wsgi.input"].read(min(length, MOST_BODY)) if length else b""  # type: ignore[no-any-return]


def _json(document: Any) -> bytes:
    if isinstance(document, str):
        return document.encode()
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _send(start_response: StartResponse, status: int, text: bytes, headers: dict[str, str]) -> list[bytes]:
    told = [("Content-Type", "application/json"), ("Content-Length", str(len(text))), *headers.items()]
    start_response(f"{status} {REASONS.get(status, 'Error')}", told)
    return [text]


def _stream(start_response: StartResponse, headers: dict[str, str], parts: Iterator[bytes]) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Type", "application/json"), *headers.items()])
    return parts


def _trickle(text: bytes, seconds: float) -> Iterator[bytes]:
    step = max(1, len(text) // 10)
    for start in range(0, len(text), step):
        time.sleep(seconds / 10)
        yield text[start : start + step]


def _blank(size: int) -> Iterator[bytes]:
    for _ in range(size // 65_536):
        yield b" " * 65_536


def _application() -> Emulator:
    store = Store(os.environ["EMULATOR_STATE"])
    emulator = Emulator(store)
    if os.environ.get("EMULATOR_ROLES"):
        seeding.seed_demo(store, os.environ["EMULATOR_ROLES"])
    if os.environ.get("EMULATOR_LIVELY"):
        seeding.live(store, float(os.environ["EMULATOR_LIVELY"]))
    return emulator


application = _application() if "EMULATOR_STATE" in os.environ else None
