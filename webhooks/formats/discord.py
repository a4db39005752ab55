"""Discord messages: one embed for each event, up to ten in a message.

The limits are from Discord's documentation of webhooks and embeds.
"""

import datetime as dt
import re
from typing import Any

import msgspec

from common.visible_text import isolated
from webhooks.formats.base import (
    USER_AGENT,
    AnswerVerdict,
    AttemptOutcome,
    Format,
    Message,
    Rendered,
    cut,
    number,
    retry_after,
    units,
)
from webhooks.messages.payloads import Payload
from webhooks.messages.sentence import Severity
from webhooks.outbound.http_client import HttpAnswer

EMBEDS = 10  # in one message
TOTAL = 6000  # characters in all embeds of one message
DESCRIPTION, FIELD, FOOTER, TITLE = 4096, 1024, 2048, 256
COLOURS = {
    Severity.INFO: 0x7D8590,
    Severity.GOOD: 0x2EA043,
    Severity.NOTICE: 0x388BFD,
    Severity.WARNING: 0xD29922,
    Severity.CRITICAL: 0xDA3633,
}
NEW_WEBHOOK = "Make a new webhook in the channel's settings and enter its address."
NEW_THREAD = "Enter the address with the `thread_id` of another thread, or without one."
# Codes that every message to this address gets, with what happened and what to do.
GONE = {
    10003: f"The thread or channel was deleted. {NEW_THREAD}",
    10004: f"The Discord server was deleted. {NEW_WEBHOOK}",
    10015: f"The webhook was deleted. {NEW_WEBHOOK}",
    10016: f"The webhook was deleted. {NEW_WEBHOOK}",
    40058: "The forum post takes no messages yet. Its author must write the first one.",
    50001: f"The webhook has no access to the channel. {NEW_WEBHOOK}",
    50013: f"The webhook lacks a permission in the channel. {NEW_WEBHOOK}",
    50024: f"A channel of this type takes no webhooks. {NEW_WEBHOOK}",
    50027: f"The webhook's token is not valid. {NEW_WEBHOOK}",
    50083: f"The thread is archived. Open it again in Discord. {NEW_THREAD}",
    160005: f"The thread is locked. Unlock it in Discord. {NEW_THREAD}",
    220001: "The channel is a forum, where each message belongs to a post. Enter the address with "
    "`?thread_id=` and the id of a post, or make a webhook in a text channel.",
    220004: f"Webhooks cannot be used in this forum channel. {NEW_WEBHOOK}",
}
# A moment in UTC, its hyphens escaped as MARKDOWN does.
MOMENT = re.compile(r"\b(2\d{3})\\-(\d\d)\\-(\d\d) (\d\d:\d\d) UTC\b")
MARKDOWN = re.compile(r"([\\`*_~|>#\[\]()<\-])")


class _Problem(msgspec.Struct):
    code: int = 0
    message: str = ""
    retry_after: float | None = None


class Discord(Format):
    name, title = "discord", "Discord"
    fold, slots = EMBEDS, 1
    path = ("/api/", "https://discord.com/api/webhooks/ID/TOKEN")

    def render(self, message: Message) -> Rendered:
        share = TOTAL // len(message.payloads)
        body = {
            "embeds": [_embed(payload, share) for payload in message.payloads],
            # A name or reason with @everyone must not notify anybody.
            "allowed_mentions": {"parse": []},
        }
        headers = {"content-type": "application/json", "user-agent": USER_AGENT}
        return Rendered(headers, msgspec.json.encode(body))

    def judge(self, answer: HttpAnswer) -> AnswerVerdict:
        problem = _problem(answer.body)
        if answer.status == 429:
            wait = problem.retry_after or retry_after(answer.headers) or 1.0
            return AnswerVerdict(
                AttemptOutcome.DEFERRED, f"Discord asks to wait {wait:g} s.", wait, wait
            )
        if problem.code in GONE or answer.status in {401, 404}:
            unknown = f"Discord answered {answer.status}. {NEW_WEBHOOK}"
            advice = GONE.get(problem.code, unknown)
            return AnswerVerdict(AttemptOutcome.GONE, advice + _code(problem))
        if answer.status == 400:
            words = problem.message or "no reason given"
            return AnswerVerdict(
                AttemptOutcome.REFUSED,
                f"Discord does not take this message: {words}{_code(problem)}",
            )
        verdict = super().judge(answer)
        if verdict.outcome is AttemptOutcome.SUCCEEDED:
            return AnswerVerdict(AttemptOutcome.SUCCEEDED, pause=_until_reset(answer))
        return verdict


def _embed(payload: Payload, share: int) -> dict[str, Any]:
    footer = payload.action
    title = cut(isolated(_plain(payload.username)), TITLE)
    told = in_own_zones(_plain(payload.message))
    embed: dict[str, Any] = {
        "description": cut(told, min(DESCRIPTION, share - units(footer) - units(title))),
        "color": COLOURS[payload.severity],
        "timestamp": payload.at.isoformat(),
        "footer": {"text": footer},
    }
    if payload.username:
        embed |= {"title": title, "url": payload.profile}
    return embed


def _plain(text: str) -> str:
    """Escape markdown in names and reasons."""
    return MARKDOWN.sub(r"\\\1", text)


def in_own_zones(text: str) -> str:
    """Replace moments as `2030-01-31 18:00 UTC`, so that each reader sees them in their own zone."""
    return MOMENT.sub(_moment, text)


def _moment(found: re.Match[str]) -> str:
    try:
        at = dt.datetime.fromisoformat("{}-{}-{} {}".format(*found.groups()))
    except ValueError:
        return found[0]
    return f"<t:{int(at.replace(tzinfo=dt.UTC).timestamp())}:F>"


def _until_reset(answer: HttpAnswer) -> float:
    """Return the seconds until Discord's rate limit resets, 0 unless this call used its last slot."""
    if answer.headers.get("x-ratelimit-remaining") != "0":
        return 0.0
    return number(answer.headers.get("x-ratelimit-reset-after")) or 0.0


def _code(problem: _Problem) -> str:
    return f" (Discord's code {problem.code})" if problem.code else ""


def _problem(body: bytes) -> _Problem:
    try:
        return msgspec.json.decode(body, type=_Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Problem()
