"""The error of every failed Open Cloud call, with a retry decision and a sentence for people."""

import enum
import json
from dataclasses import dataclass
from typing import Any

import httpx

from roblox.open_cloud.operations import ASSIGN_ROLE, UNASSIGN_ROLE, Operation


class RetryDecision(enum.StrEnum):
    RETRY = "retry"  # soon, with back-off: it may work the next time
    WAIT = "wait"  # not before `retry_after`: a limit or an outage
    GIVE_UP = "give up"  # until somebody changes something


@dataclass(eq=False)
class OpenCloudError(Exception):
    """A call that did not succeed. `str(error)` is a sentence for people, `text` Roblox's message.

    `status` 0: there was no answer, and the call may have been done. `explained`: Roblox said what
    is wrong with this very request. `unreadable`: an answer came that cannot be decoded.
    """

    decision: RetryDecision
    sentence: str
    operation: str = ""
    status: int = 0
    code: str = ""
    text: str = ""
    retry_after: float | None = None
    explained: bool = False
    unreadable: bool = False

    def __str__(self) -> str:
        return self.sentence

    @property
    def missing(self) -> bool:
        return self.status == 404

    @property
    def about_key(self) -> bool:
        """Whether the key is at fault, so that other calls with it fail too."""
        return self.status == 401 or (self.status == 403 and not self.explained)

    @property
    def conflict(self) -> bool:
        """Whether the value changed since it was read. Roblox documents no status for it."""
        return self.status in {409, 412}


MAX_TEXT = 300
RANKS_BELOW = "the key's owner ranks below this member or this role"
ABOUT_RANK = (ASSIGN_ROLE, UNASSIGN_ROLE)
# Parts of Roblox's messages, in lower case, and what they mean to a person. The first match counts.
MEANINGS = (
    ("permission to manage", RANKS_BELOW),
    ("not a member", "they are not a member of the group"),
    ("same user", "nobody changes their own role"),
    ("own role", "nobody changes their own role"),
    ("text filter", "Roblox's text filter refused the reason"),
    ("moderated", "Roblox's text filter refused the reason"),
)
STATUS_MEANINGS = {
    400: "Roblox does not accept the request",
    401: "the API key is unknown, expired or disabled: make a new one in Creator Hub",
    403: (
        "the API key may not do this: give it the scope {scopes} for this universe or group in"
        " Creator Hub"
    ),
    404: "Roblox does not know it",
    409: "it changed since it was read",
    412: "it changed since it was read",
    413: "it is larger than Roblox allows",
    429: "the limit of calls is used up",
    501: "Roblox does not offer this",
}


def unanswered(operation: Operation, error: Exception) -> OpenCloudError:
    """Make the error for a timeout, a broken connection or a body that does not end."""
    what = "in time" if isinstance(error, httpx.TimeoutException) else "in one piece"
    return OpenCloudError(
        RetryDecision.RETRY,
        f"Roblox did not answer {what} ({operation.name}).",
        operation=operation.name,
        text=str(error),
    )


def unreadable(operation: Operation, reason: str) -> OpenCloudError:
    return OpenCloudError(
        RetryDecision.RETRY,
        f"Roblox's answer cannot be read ({operation.name}): {reason}.",
        operation=operation.name,
        unreadable=True,
    )


def refused(
    operation: Operation, status: int, body: bytes, headers: httpx.Headers
) -> OpenCloudError:
    """Make the error for an answer that is not 2xx, in any of the documented shapes."""
    code, text = _read(body)
    return OpenCloudError(
        _decision(status),
        f"{_meaning(operation, status, text)}.",
        operation=operation.name,
        status=status,
        code=code,
        text=text[:MAX_TEXT],
        retry_after=_seconds(headers.get("retry-after")),
        explained=_explanation(operation, status, text) is not None,
    )


def _decision(status: int) -> RetryDecision:
    if status == 429:
        return RetryDecision.WAIT
    if (status >= 500 and status != 501) or status in {408, 409, 412, 499}:
        return RetryDecision.RETRY
    return RetryDecision.GIVE_UP


def _meaning(operation: Operation, status: int, text: str) -> str:
    known = _explanation(operation, status, text) or STATUS_MEANINGS.get(
        status, f"Roblox has trouble (status {status})"
    )
    known = known.format(scopes=" and ".join(operation.scopes) or "it needs")
    return f"{known} ({operation.name}{': ' + text[:MAX_TEXT] if text else ''})"


def _explanation(operation: Operation, status: int, text: str) -> str | None:
    """Translate Roblox's message if it is about this very request."""
    if status not in {400, 403, 404}:
        return None
    lowered = text.lower()
    found = next((meaning for part, meaning in MEANINGS if part in lowered), None)
    if (
        found is None
        and status == 403
        and operation in ABOUT_RANK
        and text
        and "scope" not in lowered
    ):
        return RANKS_BELOW  # Roblox does not document its message; one about scopes says "scope"
    return found


def _read(body: bytes) -> tuple[str, str]:
    """Return code and message of any of the shapes: v2, gateway, and the three of v1."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return "", body[:MAX_TEXT].decode("utf-8", "replace").strip()
    if not isinstance(document, dict):
        return "", ""
    if isinstance(document.get("errors"), list) and document["errors"]:
        return _gateway(document["errors"][0])
    if isinstance(document.get("errors"), dict):
        fields = "; ".join(f"{name}: {_joined(said)}" for name, said in document["errors"].items())
        return "INVALID_ARGUMENT", fields or str(document.get("title", ""))
    return str(document.get("code") or document.get("error") or ""), str(
        document.get("message") or ""
    )


def _gateway(error: Any) -> tuple[str, str]:
    if not isinstance(error, dict):
        return "", str(error)
    return str(error.get("code", "")), str(error.get("message", ""))


def _joined(said: Any) -> str:
    return ", ".join(map(str, said)) if isinstance(said, list) else str(said)


def _seconds(value: str | None) -> float | None:
    try:
        return max(0.0, float(value)) if value else None
    except ValueError:
        return None
