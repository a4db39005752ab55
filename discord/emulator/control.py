"""The emulator's own interface under `/_emulator/`, for tests and `make up`."""

import secrets
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from discord.emulator.endpoints import member_json
from discord.emulator.errors import ApiError, invalid
from discord.emulator.limits import Limiter
from discord.emulator.state import (
    TOKEN_LIFETIME,
    Guild,
    Interaction,
    Member,
    Role,
    State,
    member_of,
)
from roblox.emulator.clock import MICROS, stamp
from roblox.emulator.faults import Fault, Faults
from roblox.emulator.responses import respond
from roblox.emulator.tally import Tally

PREFIX = "/_emulator/"
ANSWER_WITHIN = 3.0  # seconds, as Discord allows for an interaction's first answer


class Body(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A body of the control interface. Unknown fields are refused."""


class ClockBody(Body):
    advance: float = 0  # seconds


class FaultsBody(Body):
    faults: list[Fault]
    seed: int = 0


class MembersBody(Body):
    guild_id: int
    members: list[Member]


class RolesBody(Body):
    """Replace the roles of a guild, or of its bot."""

    guild_id: int
    roles: list[Role] | None = None
    bot_roles: list[int] | None = None


class OptionsBody(Body):
    members_intent: bool = True


class InteractionBody(Body):
    """An interaction to send to `url`, with a signature that is wrong or old if asked for."""

    url: str
    body: dict[str, Any]
    wrong_signature: bool = False
    seconds_ago: float = 0


class Control:
    """Views under `/_emulator/…`. Malformed input is answered with 400 and a sentence."""

    def __init__(self, state: State, limiter: Limiter, faults: Faults, tally: Tally) -> None:
        self.state, self.limiter, self.faults, self.tally = state, limiter, faults, tally
        urls = Map(
            [
                _rule("POST", "reset", self._reset),
                _rule("POST", "clock", self._advance_clock),
                _rule("POST", "guilds", self._put_guild),
                _rule("POST", "members", self._put_members),
                _rule("DELETE", "members/<int:guild>/<int:user>", self._remove_member),
                _rule("GET", "members/<int:guild>/<int:user>", self._member),
                _rule("POST", "roles", self._put_roles),
                _rule("POST", "options", self._put_options),
                _rule("POST", "limits", self._change_limits),
                _rule("GET", "limits", lambda _: self.limiter.figures()),
                _rule("GET", "invalid", lambda _: {"invalid": self.limiter.invalid()}),
                _rule("POST", "faults", self._replace_faults),
                _rule("GET", "calls", lambda _: self.tally.counted()),
                _rule("POST", "calls/reset", lambda _: self.tally.reset()),
                _rule("GET", "messages/<int:channel>", self._messages),
                _rule("GET", "audit-log", lambda _: self.state.audit_log),
                _rule("GET", "application", self._application),
                _rule("POST", "interactions", self._send_interaction),
                _rule("GET", "interactions/<token>", self._interaction),
                _rule("GET", "health", lambda _: {"ready": True}),
            ]
        )
        self._urls = urls.bind("emulator")

    def respond(self, request: Request) -> Response:
        try:
            handler, parameters = self._urls.match(request.path, request.method)
            found = handler(request, **parameters)
            return respond({} if found is None else found)
        except HTTPException:
            return respond({"error": f"{request.method} {request.path} does not exist."}, 404)
        except ApiError as error:
            return respond({"error": error.message}, error.status)

    def _reset(self, _: Request) -> None:
        with self.state.lock:
            self.state.reset()
        self.state.clock.reset()
        self.limiter.reset()
        self.faults.replace([], 0)
        self.tally.reset()

    def _advance_clock(self, request: Request) -> dict[str, str]:
        self.state.clock.advance(_body(request, ClockBody).advance)
        return {"now": stamp(self.state.clock.now())}

    def _put_guild(self, request: Request) -> None:
        with self.state.lock:
            self.state.put_guild(_body(request, Guild))

    def _put_members(self, request: Request) -> None:
        body = _body(request, MembersBody)
        with self.state.lock:
            guild = self.state.guild(body.guild_id)
            known = {member.id: member for member in guild.members}
            guild.members = list((known | {one.id: one for one in body.members}).values())

    def _remove_member(self, _: Request, guild: int, user: int) -> None:
        with self.state.lock:
            found = self.state.guild(guild)
            found.members.remove(member_of(found, user))

    def _member(self, _: Request, guild: int, user: int) -> dict[str, Any]:
        with self.state.lock:
            return member_json(member_of(self.state.guilds[guild], user))

    def _put_roles(self, request: Request) -> None:
        body = _body(request, RolesBody)
        with self.state.lock:
            guild = self.state.guild(body.guild_id)
            if body.roles is not None:
                guild.roles = [*guild.roles[:1], *body.roles]
            if body.bot_roles is not None:
                member_of(guild, self.state.bot_id).roles = body.bot_roles

    def _put_options(self, request: Request) -> None:
        self.state.members_intent = _body(request, OptionsBody).members_intent

    def _change_limits(self, request: Request) -> dict[str, int | None]:
        figures = _body(request, dict[str, int | None])
        unknown = set(figures) - set(self.limiter.figures()) - {"all"}
        if unknown:
            raise invalid(f"There is no bucket {sorted(unknown)[0]!r}.")
        self.limiter.change(figures)
        return self.limiter.figures()

    def _replace_faults(self, request: Request) -> None:
        body = _body(request, FaultsBody)
        named = {name for fault in body.faults for name in fault.operations}
        unknown = named - self.tally.names - {"*"}
        if unknown:
            raise invalid(f"There is no operation {sorted(unknown)[0]!r}.")
        self.faults.replace(body.faults, body.seed)

    def _messages(self, _: Request, channel: int) -> list[dict[str, Any]]:
        with self.state.lock:
            return list(self.state.channel(channel))

    def _application(self, _: Request) -> dict[str, Any]:
        return {
            "applicationId": str(self.state.application_id),
            "publicKey": self.state.public_key,
            "botToken": self.state.token,
        }

    def _send_interaction(self, request: Request) -> dict[str, Any]:
        """Sign an interaction as Discord does, post it to GRPS, and return the answer."""
        body, token = _body(request, InteractionBody), secrets.token_urlsafe(32)
        until = self.state.clock.now() + TOKEN_LIFETIME
        with self.state.lock:
            self.state.interactions[token] = kept = Interaction(until)
            sent = {
                "id": str(self.state.next_id()),
                "application_id": str(self.state.application_id),
                "token": token,
                "version": 1,
            }
        answer = self._post(body, msgspec.json.encode(sent | body.body))
        found = _document(answer)
        if answer.status_code == 200 and isinstance(found, dict) and found.get("type") in {4, 5}:
            kept.answer = {"id": "0", "channel_id": "0"} | (found.get("data") or {})
        return {"status": answer.status_code, "body": found, "token": token}

    def _post(self, wanted: InteractionBody, content: bytes) -> httpx.Response:
        """Post a signed interaction. Raises ApiError if there is no answer in time."""
        at = str(self.state.clock.now() // MICROS - round(wanted.seconds_ago))
        signed = b"other" if wanted.wrong_signature else at.encode() + content
        headers = {
            "content-type": "application/json",
            "user-agent": "Discord-Interactions/1.0 (+https://discord.com)",
            "x-signature-timestamp": at,
            "x-signature-ed25519": self.state.key.sign(signed).hex(),
        }
        try:
            return httpx.post(
                wanted.url, content=content, headers=headers, timeout=ANSWER_WITHIN, trust_env=False
            )
        except httpx.HTTPError as error:
            raise invalid(f"{wanted.url} did not answer: {type(error).__name__}") from None

    def _interaction(self, _: Request, token: str) -> Any:
        with self.state.lock:
            return msgspec.to_builtins(self.state.interaction(token))


def _document(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return answer.text[:500]


def _rule(method: str, path: str, handler: Callable[..., Any]) -> Rule:
    return Rule(PREFIX + path, endpoint=handler, methods=[method])


def _body[T](request: Request, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(request.get_data() or b"{}", type=kind, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise invalid(f"The body cannot be read: {error}.") from None
