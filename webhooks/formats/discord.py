"""Discord messages: one embed for each event, up to ten in a message.

The limits are from Discord's documentation of webhooks and embeds.
"""

import re
from typing import Any

import msgspec

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
from webhooks.messages.sentences import Severity
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
GONE = {10015: "the webhook was deleted", 50027: "the webhook's token is not valid"}
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
            why = GONE.get(problem.code, f"Discord answered {answer.status}")
            return AnswerVerdict(
                AttemptOutcome.GONE,
                f"{why[0].upper()}{why[1:]}. Make a new webhook in the channel's settings.",
            )
        if answer.status == 400:
            return AnswerVerdict(
                AttemptOutcome.REFUSED,
                f"Discord does not take this message: {problem.message or 'no reason given'}",
            )
        verdict = super().judge(answer)
        if verdict.outcome is AttemptOutcome.SUCCEEDED:
            return AnswerVerdict(AttemptOutcome.SUCCEEDED, pause=_until_reset(answer))
        return verdict


def _embed(payload: Payload, share: int) -> dict[str, Any]:
    footer = payload.action
    title = cut(_plain(payload.username), TITLE)
    told = _plain(payload.message)
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


def _until_reset(answer: HttpAnswer) -> float:
    """Return the seconds until Discord's rate limit resets, 0 unless this call used its last slot."""
    if answer.headers.get("x-ratelimit-remaining") != "0":
        return 0.0
    return number(answer.headers.get("x-ratelimit-reset-after")) or 0.0


def _problem(body: bytes) -> _Problem:
    try:
        return msgspec.json.decode(body, type=_Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Problem()
