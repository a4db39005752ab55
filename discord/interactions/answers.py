"""What GRPS answers to interactions, and how texts are shown in Discord."""

import datetime as dt
import re
from collections.abc import Iterable
from typing import Any

from common.errors import Refused
from common.visible_text import isolated

Answer = dict[str, Any]

PONG: Answer = {"type": 1}
MESSAGE, DEFERRED, CHOICES, MODAL = 4, 5, 8, 9
EPHEMERAL = 64  # flag: only the person who asked sees the message
LONGEST = 2000  # characters of a message
LONGEST_CHOICE = 100
MOST_CHOICES = 25
ROW, BUTTON, TEXT_INPUT = 1, 2, 4  # types of components
GREEN, RED, LINK = 3, 4, 5  # styles of buttons
PARAGRAPH = 2  # style of a text input
NOBODY: dict[str, list[str]] = {"parse": []}  # mentions: a name or a reason must not notify anybody
# A backslash does not escape an at sign everywhere, so a zero-width space follows it.
_MARKDOWN = re.compile(r"([\\`*_~|>#\[\]()<]|^[-+])", re.MULTILINE)
_MENTION = re.compile(r"@(?=\S)")


class SeePage(Refused):
    """A refusal whose text goes on with the address of a page."""

    def __init__(self, text: str, address: str) -> None:
        super().__init__(text)
        self.address = address


def refusal(error: Refused) -> str:
    """Return the text of a refusal for a message."""
    return with_page(plain(str(error)), getattr(error, "address", ""))


def with_page(text: str, address: str) -> str:
    return f"{text}\n{address}" if address else text


def plain(text: str) -> str:
    """Return a text of a person so that Discord shows it as it is: no markup, no mentions."""
    return isolated(_MENTION.sub("@\u200b", _MARKDOWN.sub(r"\\\1", text)))


def moment(at: dt.datetime, style: str = "R") -> str:
    """Return a moment that each reader sees in their own time zone, "R" as in "in 3 days"."""
    return f"<t:{int(at.timestamp())}:{style}>"


def content(text: str) -> Answer:
    """Return the body of a message."""
    cut = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return {"content": cut, "allowed_mentions": NOBODY}


def public(text: str) -> Answer:
    """Return an answer that everybody in the channel sees."""
    return {"type": MESSAGE, "data": content(text)}


def private(text: str) -> Answer:
    """Return an answer that only the person who asked sees."""
    return {"type": MESSAGE, "data": content(text) | {"flags": EPHEMERAL}}


def deferred() -> Answer:
    """Return the answer that a private message follows within the token's fifteen minutes."""
    return {"type": DEFERRED, "data": {"flags": EPHEMERAL}}


def choices(found: Iterable[tuple[str, str]]) -> Answer:
    """Return offers for the option that a person is typing, each as (name, value)."""
    offered = [{"name": name[:LONGEST_CHOICE], "value": value} for name, value in found]
    return {"type": CHOICES, "data": {"choices": offered[:MOST_CHOICES]}}


def dialog(custom_id: str, title: str, longest: int) -> Answer:
    """Return a dialog that asks for a reason of at most `longest` characters."""
    field = {
        "type": TEXT_INPUT,
        "custom_id": "reason",
        "style": PARAGRAPH,
        "label": "Reason",
        "min_length": 1,
        "max_length": longest,
        "required": True,
    }
    rows = [{"type": ROW, "components": [field]}]
    return {
        "type": MODAL,
        "data": {"custom_id": custom_id, "title": title[:45], "components": rows},
    }


def button(label: str, style: int, custom_id: str) -> Answer:
    return {"type": BUTTON, "label": label, "style": style, "custom_id": custom_id}


def link(label: str, address: str) -> Answer:
    return {"type": BUTTON, "label": label, "style": LINK, "url": address}


def row(*buttons: Answer) -> list[Answer]:
    """Return the components of a message, one row of buttons; empty without any."""
    return [{"type": ROW, "components": list(buttons)}] if buttons else []
