"""The interface of a message format. To add one, see docs/webhooks.md, "Add a format"."""

import datetime as dt
import email.utils
import enum
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlsplit

from common import database_clock
from common.errors import Refused
from webhooks.messages.payloads import Payload
from webhooks.outbound.http_client import HttpAnswer

USER_AGENT = "GRPS-Webhooks/1"


class AttemptOutcome(enum.StrEnum):
    """The meaning of a receiver's answer.

    `deferred` does not count as an attempt. After `refused` the message is given up, and refusals
    in a row count against the endpoint. After `gone` the endpoint is disabled.
    """

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DEFERRED = "deferred"
    REFUSED = "refused"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class AnswerVerdict:
    """The verdict on an answer.

    `wait`: seconds before this message may be tried again. `pause`: seconds before anything may be
    sent to the endpoint.
    """

    outcome: AttemptOutcome
    reason: str = ""
    wait: float = 0.0
    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class Message:
    """The content of one call: webhook-id, time, and one payload, or several if the kind folds."""

    id: str
    at: dt.datetime
    payloads: Sequence[Payload]
    secrets: Sequence[str]


@dataclass(frozen=True, slots=True)
class Rendered:
    headers: dict[str, str]
    body: bytes


class BadEndpoint(Refused):
    """The endpoint cannot work. The text names the field and the fix."""


class Format(ABC):
    """A kind of receiver.

    `fold`: payloads that one call may carry. `slots`: parallel calls to one endpoint.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    fold: ClassVar[int] = 1
    slots: ClassVar[int] = 16
    signs: ClassVar[bool] = False
    path: ClassVar[tuple[str, str]] = ("", "")  # the beginning of its paths, and an example

    def check(self, address: str) -> None:
        """Raise BadEndpoint if this cannot be an address of this kind."""
        begins, example = self.path
        if not urlsplit(address).path.startswith(begins):
            raise BadEndpoint(f"address: this is no {self.title} webhook; it looks like {example}.")

    @abstractmethod
    def render(self, message: Message) -> Rendered:
        """Return headers and body of the call for this message."""

    def judge(self, answer: HttpAnswer) -> AnswerVerdict:
        """Return the verdict on an answer: only 2xx is success, and 410 means gone for good."""
        if answer.status is None:
            return AnswerVerdict(AttemptOutcome.FAILED, answer.error)
        if 200 <= answer.status < 300:
            return AnswerVerdict(AttemptOutcome.SUCCEEDED)
        if answer.status == 410:
            return AnswerVerdict(AttemptOutcome.GONE, "It answered 410: it is gone for good.")
        if 300 <= answer.status < 400:
            return AnswerVerdict(
                AttemptOutcome.FAILED,
                f"It answered {answer.status}, a redirect; redirects are not followed.",
            )
        wait = retry_after(answer.headers) if answer.status in {429, 503} else 0.0
        return AnswerVerdict(
            AttemptOutcome.FAILED,
            f"It answered {answer.status}.",
            wait,
            wait if answer.status == 429 else 0.0,
        )


def retry_after(headers: Mapping[str, str]) -> float:
    """Return the seconds in `Retry-After`, a number or a date. 0 if it is missing or invalid."""
    text = headers.get("retry-after", "").strip()
    seconds = number(text)
    if seconds is not None:
        return seconds
    try:
        at = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    if at.tzinfo is None:
        at = at.replace(tzinfo=dt.UTC)
    return max(0.0, (at - database_clock.now()).total_seconds())


def number(value: object) -> float | None:
    """Return a number of seconds that a receiver sent. None if it is negative or not a number."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return None
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def cut(text: str, limit: int) -> str:
    """Cut a text to `limit` UTF-16 units, as the receivers count. A cut text ends with an ellipsis."""
    if units(text) <= limit:
        return text
    kept, used = [], 1
    for character in text:
        used += units(character)
        if used > limit:
            break
        kept.append(character)
    return "".join(kept) + "…"


def units(text: str) -> int:
    return len(text.encode("utf-16-le", "replace")) // 2
