"""The WSGI application: finds the endpoint, then applies faults, keys, scopes and limits."""

import sys
import traceback
from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from roblox.emulator import api_keys, control, faults
from roblox.emulator.calls import ApiKey, Call
from roblox.emulator.control import Control
from roblox.emulator.endpoints import NAMES, URLS, Endpoint
from roblox.emulator.errors import ApiError, Shape, not_found
from roblox.emulator.faults import Faults
from roblox.emulator.limits import Limiter
from roblox.emulator.responses import respond
from roblox.emulator.store import Store
from roblox.emulator.tally import Tally

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class Emulator:
    """The application. A process has one instance, which many threads call."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.limiter = Limiter(store.clock)
        self.faults = Faults()
        self.tally = Tally(NAMES)
        self.control = Control(store, self.limiter, self.faults, self.tally)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        try:
            response = self._respond(Request(environ))
        except Exception:  # noqa: BLE001 - a bug must not look like a fault that a test asked for
            traceback.print_exc(file=sys.stderr)
            response = respond({"error": "The emulator itself failed; its log says how."}, 500)
        return response(environ, start_response)

    def _respond(self, request: Request) -> Response:
        if request.path.startswith(control.PREFIX):
            return self.control.respond(request)
        try:
            endpoint, parameters = URLS.match(request.path, request.method)
        except MethodNotAllowed:
            return ApiError("METHOD_NOT_ALLOWED", "Method Not Allowed").response(Shape.GATEWAY)
        except HTTPException:
            return not_found("NotFound").response(Shape.GATEWAY)
        call = Call(self.store, request, dict(parameters), self.store.clock.now())
        return self._call(endpoint, call)

    def _call(self, endpoint: Endpoint, call: Call) -> Response:
        fault = self.faults.strike(endpoint.name)
        refused = faults.refusal(fault, endpoint.shape) if fault else None
        if refused is None:
            call.repeats_page = fault is not None and fault.kind == "duplicatePage"
            response = self._run(endpoint, call)
        else:
            response = refused
        named = fault is not None and fault.names_outcome
        self.tally.count(
            endpoint.name, fault.kind if fault and named else str(response.status_code)
        )
        return faults.distort(response, fault) if fault and refused is None else response

    def _run(self, endpoint: Endpoint, call: Call) -> Response:
        limit_headers: dict[str, str] = {}
        try:
            if endpoint.needs_key:
                call.key = api_keys.authenticate(call)
                _check_scopes(endpoint, call, call.key)
            subjects = [(name, self._subject(name, call)) for name in endpoint.limits]
            limit_headers = self.limiter.take(subjects)
            self._check_universe(call)
            response = endpoint.run(call)
        except ApiError as error:
            response = error.response(endpoint.shape)
        if call.extra_units:
            self.limiter.take_more(*subjects[0], call.extra_units)
        response.headers.update({**limit_headers, **dict(response.headers)})
        return response

    def _subject(self, limit: str, call: Call) -> str:
        by = self.limiter.by(limit)
        if by == "owner":
            return str(call.owner)
        universe = call.path["universe"]
        return universe if by == "universe" else f"{universe}/{call.path['user']}"

    def _check_universe(self, call: Call) -> None:
        if "universe" not in call.path:
            return
        query = "SELECT 1 FROM universes WHERE id = ?"
        if not self.store.read().execute(query, (call.universe,)).fetchone():
            raise not_found("The universe was not found.")


def _check_scopes(endpoint: Endpoint, call: Call, key: ApiKey) -> None:
    universe = int(call.path["universe"]) if "universe" in call.path else None
    first_version = endpoint.shape in (Shape.STORES_V1, Shape.PLAIN_V1)
    code = "INSUFFICIENT_SCOPE" if first_version else "PERMISSION_DENIED"
    for scope in endpoint.scopes:
        if not key.may(scope, universe):
            raise ApiError(code, f"The API key does not have the scope {scope}.")
