"""The error of every failed call to Discord, with a retry decision and a sentence for people."""

import json
from dataclasses import dataclass
from typing import Any

import httpx

from discord.rest.routes import Route
from roblox.open_cloud.errors import RetryDecision

MAX_TEXT = 300
# Discord's codes (docs.discord.com, "JSON error codes").
UNKNOWN_MEMBER, UNKNOWN_ROLE, UNKNOWN_USER, UNKNOWN_GUILD = 10007, 10011, 10013, 10004
UNKNOWN_CHANNEL, UNKNOWN_MESSAGE = 10003, 10008
MISSING_ACCESS, MISSING_PERMISSIONS = 50001, 50013
MEANINGS = {
    UNKNOWN_MEMBER: "they are not in the Discord server",
    UNKNOWN_ROLE: "the Discord server has no such role any more: change the map of roles",
    UNKNOWN_USER: "Discord does not know this account",
    UNKNOWN_GUILD: "the bot is not in this server: invite it, or correct DISCORD_GUILD_ID",
    UNKNOWN_CHANNEL: "Discord does not know this channel: correct its id",
    UNKNOWN_MESSAGE: "the message was deleted on Discord",
    MISSING_ACCESS: "the bot has no access: invite it to the server, and to the channel",
    MISSING_PERMISSIONS: (
        "the bot may not do this: give it the permission, and move its role above the roles that"
        " it gives"
    ),
}
STATUS_MEANINGS = {
    400: "Discord does not accept the request",
    401: "Discord refuses the bot's token: set DISCORD_BOT_TOKEN to the present one",
    403: "the bot may not do this",
    404: "Discord does not know it",
    429: "the limit of calls is used up",
}


@dataclass(eq=False)
class DiscordError(Exception):
    """A call that did not succeed. `str(error)` is a sentence for people, `text` Discord's message.

    `status` 0: there was no answer, and the call may have been done. `code`: one of Discord's.
    """

    decision: RetryDecision
    sentence: str
    status: int = 0
    code: int = 0
    text: str = ""
    retry_after: float | None = None

    def __str__(self) -> str:
        return self.sentence

    @property
    def about_bot(self) -> bool:
        """Whether the bot's token or its place in the guild is wrong, so that other calls fail too."""
        return self.status == 401 or self.code in {MISSING_ACCESS, UNKNOWN_GUILD}


def unanswered(route: Route, error: Exception) -> DiscordError:
    """Make the error for a timeout, a broken connection or a body that does not end."""
    what = "in time" if isinstance(error, httpx.TimeoutException) else "in one piece"
    return DiscordError(
        RetryDecision.RETRY,
        f"Discord did not answer {what} ({route.name}).",
        text=type(error).__name__,  # its message may hold the address, with a token in it
    )


def unreadable(route: Route, reason: str) -> DiscordError:
    return DiscordError(
        RetryDecision.RETRY, f"Discord's answer cannot be read ({route.name}): {reason}."
    )


def refused(route: Route, status: int, body: bytes, headers: httpx.Headers) -> DiscordError:
    """Make the error for an answer that is not 2xx."""
    document = _document(body)
    code = document.get("code")
    text = str(document.get("message") or "")[:MAX_TEXT]
    number = code if isinstance(code, int) else 0
    return DiscordError(
        _decision(status, explained=bool(text)),
        f"{_meaning(route, status, number, text)}.",
        status=status,
        code=number,
        text=text,
        retry_after=retry_after(document, headers) if status == 429 else None,
    )


def retry_after(document: dict[str, Any], headers: httpx.Headers) -> float:
    """Return the seconds that a 429 asks to wait: of the body, else of the header, else 1."""
    for found in (document.get("retry_after"), headers.get("retry-after")):
        try:
            return max(0.0, float(found))  # type: ignore[arg-type]  # None is a TypeError
        except (TypeError, ValueError):
            continue
    return 1.0


def _decision(status: int, *, explained: bool) -> RetryDecision:
    """Decide on another try. An answer without Discord's message may be a proxy's."""
    if status == 429:
        return RetryDecision.WAIT
    if status >= 500 or status == 408 or not explained:
        return RetryDecision.RETRY
    return RetryDecision.GIVE_UP


def _meaning(route: Route, status: int, code: int, text: str) -> str:
    known = MEANINGS.get(code) or STATUS_MEANINGS.get(
        status, f"Discord has trouble (status {status})"
    )
    return f"{known} ({route.name}{': ' + text if text else ''})"


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
