"""Look up many accounts at once, by username or by user id.

Roblox answers both without a key. A former username finds the account too, under its present name.
"""

from collections.abc import Sequence
from typing import Any

import httpx
import msgspec
from django.conf import settings

from common.visible_text import clean_name

BY_NAME, BY_ID = "/v1/usernames/users", "/v1/users"
MOST = 100  # names or ids in one call
SECONDS = 10.0  # for one call
RETRY = 30.0  # seconds to wait if Roblox does not say how long
LONGEST_RETRY = 300.0


class Account(msgspec.Struct, frozen=True, rename="camel"):
    """An account. `requested_username`: the name that was asked for, which may be a former one."""

    id: int
    name: str
    display_name: str = ""
    requested_username: str = ""


class _Answer(msgspec.Struct):
    data: list[Account]


class AccountsUnavailable(Exception):
    """Roblox gave no usable answer. Try again after `wait` seconds."""

    def __init__(self, message: str, wait: float = RETRY) -> None:
        super().__init__(message)
        self.wait = wait


def by_name(names: Sequence[str]) -> dict[str, Account]:
    """Return the accounts of up to MOST usernames, by the name in lower case.

    Unknown names are left out. Raises AccountsUnavailable.
    """
    found = _ask(BY_NAME, {"usernames": list(names), "excludeBannedUsers": False})
    return {account.requested_username.lower(): account for account in found}


def by_id(user_ids: Sequence[int]) -> dict[int, Account]:
    """Return up to MOST accounts by user id. Unknown ids are left out. Raises AccountsUnavailable."""
    found = _ask(BY_ID, {"userIds": list(user_ids), "excludeBannedUsers": False})
    return {account.id: account for account in found}


def _ask(path: str, body: dict[str, Any]) -> list[Account]:
    try:
        answer = httpx.post(settings.USERS_URL + path, json=body, timeout=SECONDS)
    except httpx.HTTPError as error:
        raise AccountsUnavailable(f"Roblox's names: the call failed: {error}.") from None
    if answer.status_code != 200:
        raise AccountsUnavailable(
            f"Roblox's names: it answered {answer.status_code}.", _wait(answer)
        )
    try:
        found = msgspec.json.decode(answer.content, type=_Answer).data
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise AccountsUnavailable(f"Roblox's names: the answer cannot be read: {error}.") from None
    return [
        Account(one.id, clean_name(one.name), clean_name(one.display_name), one.requested_username)
        for one in found
    ]


def _wait(answer: httpx.Response) -> float:
    try:
        return min(LONGEST_RETRY, max(1.0, float(answer.headers.get("Retry-After", RETRY))))
    except ValueError:
        return RETRY
