"""The WSGI application: finds the endpoint, then applies faults, the token and limits."""

import sys
import traceback
from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException

from discord.emulator import control
from discord.emulator.control import Control
from discord.emulator.endpoints import NAMES, URLS, Call, Endpoint
from discord.emulator.errors import ApiError, unauthorized
from discord.emulator.limits import Limiter
from discord.emulator.state import State
from roblox.emulator.errors import Shape
from roblox.emulator.faults import Fault, Faults, distort
from roblox.emulator.faults import refusal as broken
from roblox.emulator.responses import respond
from roblox.emulator.tally import Tally

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

RETRY_AFTER = 1.0  # seconds of a 429 that a fault causes


class Emulator:
    """The application. A process has one instance, which many threads call."""

    def __init__(self) -> None:
        self.state = State()
        self.limiter = Limiter(self.state.clock)
        self.faults = Faults()
        self.tally = Tally(NAMES)
        self.control = Control(self.state, self.limiter, self.faults, self.tally)

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
        except HTTPException as error:
            return ApiError(error.code or 404, 0, f"{error.code}: {error.name}").response()
        call = Call(self.state, request, dict(parameters))
        fault = self.faults.strike(endpoint.name)
        refused = _refusal(fault) if fault else None
        response = self._run(endpoint, call) if refused is None else refused
        named = fault is not None and fault.names_outcome
        outcome = fault.kind if fault and named else str(response.status_code)
        self.tally.count(endpoint.name, outcome)
        return distort(response, fault) if fault and refused is None else response

    def _run(self, endpoint: Endpoint, call: Call) -> Response:
        headers: dict[str, str] = {}
        try:
            major = str(call.path.get(endpoint.major, ""))
            headers = self.limiter.take(endpoint.bucket, major, counts_globally=endpoint.with_token)
            self._authenticate(endpoint, call)
            with self.state.lock:
                found = endpoint.run(call)
                response = respond(found) if found is not None else respond(status=204)
        except ApiError as error:
            if error.status in {401, 403, 429}:
                self.limiter.count_invalid()
            response = error.response()
        response.headers.update({**headers, **dict(response.headers)})
        return response

    def _authenticate(self, endpoint: Endpoint, call: Call) -> None:
        given = call.request.headers.get("authorization", "")
        if endpoint.with_token and given != f"Bot {self.state.token}":
            raise unauthorized()
        if not call.request.headers.get("user-agent", "").startswith("DiscordBot ("):
            raise ApiError(403, 40333, "internal network error")
        application = call.path.get("application", self.state.application_id)
        if application != self.state.application_id:
            raise ApiError(403, 20012, "You are not authorized to perform this action")


def _refusal(fault: Fault) -> Response | None:
    if fault.kind != "429":
        return broken(fault, Shape.PLAIN_V1)
    wait = RETRY_AFTER if fault.retry_after is None else fault.retry_after
    more = {"retry_after": wait, "global": False}
    headers = {"retry-after": f"{wait:g}", "x-ratelimit-scope": "user"}
    return ApiError(429, 0, "You are being rate limited.", headers, more).response()
