"""Slack's incoming webhooks: one section for each event.

Limits and errors are from Slack's documentation of webhooks and blocks.
"""

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
    retry_after,
)
from webhooks.messages.payloads import Payload
from webhooks.messages.sentence import Severity
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
NEW_WEBHOOK = "Make a new webhook in Slack and enter its address."
# Errors that every message to this address gets, with what happened and what to do.
GONE = {
    "invalid_token": f"The webhook's token is not valid. {NEW_WEBHOOK}",
    "no_service": f"The webhook was deleted or switched off. {NEW_WEBHOOK}",
    "no_service_id": "The webhook's address is incomplete. Copy it from Slack again.",
    "no_active_hooks": "The webhook is switched off. Switch it on in the app's settings in Slack.",
    "no_team": f"The workspace is gone. {NEW_WEBHOOK}",
    "team_disabled": f"The workspace is switched off. {NEW_WEBHOOK}",
    "channel_not_found": f"The channel was deleted. {NEW_WEBHOOK}",
    "channel_is_archived": "The channel is archived. Unarchive it, or make a webhook in another.",
    "user_not_found": f"The person who receives the messages is gone. {NEW_WEBHOOK}",
    "action_prohibited": "The workspace forbids it. Ask an administrator to allow the app's webhook.",
    "posting_to_general_channel_denied": "Only some members may post in this channel. "
    "Ask an administrator, or make a webhook in another channel.",
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
            return AnswerVerdict(AttemptOutcome.GONE, f"{GONE[word]} (Slack's error {word})")
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
        context.append(f"<{payload.profile}|{isolated(_plain(payload.username))}>")
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
