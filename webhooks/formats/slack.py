"""Slack's incoming webhooks: one section for each event.

Limits and errors are from Slack's documentation of webhooks and blocks.
"""

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
    retry_after,
)
from webhooks.messages.payloads import Payload
from webhooks.messages.sentences import Severity
from webhooks.outbound.http_client import HttpAnswer

SECTION = 2900  # characters; Slack refuses more than 3000
FALLBACK = 300
MARKS = {
    Severity.INFO: "▫️",
    Severity.GOOD: "🟢",
    Severity.NOTICE: "🔵",
    Severity.WARNING: "🟠",
    Severity.CRITICAL: "🔴",
}
GONE = {
    "invalid_token": "the webhook's token is not valid",
    "no_service": "the webhook was deleted or switched off",
    "no_service_id": "the webhook's address is incomplete",
    "no_active_hooks": "the webhook is switched off",
    "no_team": "the workspace is gone",
    "team_disabled": "the workspace is switched off",
    "channel_not_found": "the channel is gone",
    "channel_is_archived": "the channel is archived",
    "user_not_found": "the receiver is gone",
    "action_prohibited": "an administrator of the workspace forbids it",
    "posting_to_general_channel_denied": "the webhook may not post in this channel",
}


class Slack(Format):
    name, title = "slack", "Slack"
    fold, slots = 10, 1
    path = ("/", "https://hooks.slack.com/services/T…/B…/…")

    def render(self, message: Message) -> Rendered:
        first = message.payloads[0].message
        more = f" (and {len(message.payloads) - 1} more)" if len(message.payloads) > 1 else ""
        body = {
            "text": cut(_plain(first), FALLBACK) + more,  # the text of a notification
            "blocks": [block for payload in message.payloads for block in _blocks(payload)],
        }
        headers = {"content-type": "application/json", "user-agent": USER_AGENT}
        return Rendered(headers, msgspec.json.encode(body))

    def judge(self, answer: HttpAnswer) -> AnswerVerdict:
        word = answer.body[:100].decode("utf-8", "replace").strip()
        if answer.status == 429:
            wait = retry_after(answer.headers) or 1.0
            return AnswerVerdict(
                AttemptOutcome.DEFERRED, f"Slack asks to wait {wait:g} s.", wait, wait
            )
        if word in GONE and answer.status is not None and answer.status >= 400:
            why = GONE[word]
            return AnswerVerdict(
                AttemptOutcome.GONE,
                f"{why[0].upper()}{why[1:]} ({word}). Make a new webhook in Slack.",
            )
        if answer.status == 400:
            return AnswerVerdict(
                AttemptOutcome.REFUSED,
                f"Slack does not take this message: {word or 'no reason given'}",
            )
        return super().judge(answer)


def _blocks(payload: Payload) -> list[dict[str, Any]]:
    text = f"{MARKS[payload.severity]} {cut(_plain(payload.message), SECTION)}"
    plain = f"{payload.at:%Y-%m-%d %H:%M:%S} UTC"
    at = f"<!date^{int(payload.at.timestamp())}^{{date_short_pretty}} {{time_secs}}|{plain}>"
    context = [f"`{payload.action}`", at]
    if payload.profile:
        context.append(f"<{payload.profile}|{_plain(payload.username)}>")
    return [
        {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": " · ".join(context)}]},
    ]


def _plain(text: str) -> str:
    """Escape for Slack. Emphasis marks are separated, so that a name does not become markup."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for mark in "*_~`":
        text = text.replace(mark, f"\u200b{mark}\u200b")
    return text
