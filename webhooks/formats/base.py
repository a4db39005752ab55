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

from common.errors import Refused
from webhooks.messages.payloads import Payload
from webhooks.outbound.http_client import Answer

USER_AGENT = "GRPS-Webhooks/1"


class Outcome(enum.StrEnum):
    """What an answer means.

    `deferred` does not count as an attempt. After `refused` this message is given up, after `gone`
    the endpoint is disabled.
    """

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DEFERRED = "deferred"
    REFUSED = "refused"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement on an answer. `wait`: seconds before this message may be tried again; `pause`:
    seconds before anything may be sent to the endpoint.
    """

    outcome: Outcome
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
    """An endpoint that cannot work; the text names the field and the fix."""


class Format(ABC):
    """One kind of receiver. `fold`: payloads that one call may carry; `slots`: parallel calls to
    one endpoint.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    fold: ClassVar[int] = 1
    slots: ClassVar[int] = 16
    signs: ClassVar[bool] = False
    path: ClassVar[tuple[str, str]] = ("", "")  # how its paths begin, and an example

    def check(self, address: str) -> None:
        """Raises BadEndpoint when this cannot be an address of this kind."""
        begins, example = self.path
        if not urlsplit(address).path.startswith(begins):
            raise BadEndpoint(f"address: this is no {self.title} webhook; it looks like {example}.")

    @abstractmethod
    def render(self, message: Message) -> Rendered:
        """Headers and body of the call that carries this message."""

    def judge(self, answer: Answer) -> Verdict:
        """Only 2xx is success; 410 means that the receiver is gone for good."""
        if answer.status is None:
            return Verdict(Outcome.FAILED, answer.error)
        if 200 <= answer.status < 300:
            return Verdict(Outcome.SUCCEEDED)
        if answer.status == 410:
            return Verdict(Outcome.GONE, "It answered 410: it is gone for good.")
        if 300 <= answer.status < 400:
            return Verdict(
                Outcome.FAILED,
                f"It answered {answer.status}, a redirect; redirects are not followed.",
            )
        wait = retry_after(answer.headers) if answer.status in {429, 503} else 0.0
        return Verdict(
            Outcome.FAILED,
            f"It answered {answer.status}.",
            wait,
            wait if answer.status == 429 else 0.0,
        )


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that `Retry-After` asks for, as a number or a date; 0 where it asks for none or for
    nonsense.
    """
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
    return max(0.0, (at - dt.datetime.now(dt.UTC)).total_seconds())


def number(value: object) -> float | None:
    """A number of seconds that a receiver sent, 0 or more; None for anything else."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return None
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def cut(text: str, limit: int) -> str:
    """`text` in at most `limit` characters as the receivers count them (UTF-16 units), with an
    ellipsis if cut.
    """
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
