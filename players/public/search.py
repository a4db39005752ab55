"""Find players by the beginning of a username, display name or former username, or by their id."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from players.public.rows import read


@dataclass(frozen=True, slots=True)
class Found:
    """`cursor` is the `after` of a page that begins behind this one."""

    user_id: int
    username: str
    display_name: str
    rank: str
    rank_slug: str
    points: Decimal
    matched: Literal["username", "displayName", "formerName", "userId"]
    matched_text: str
    cursor: str


def search(text: str, limit: int, after: str | None) -> list[Found]:
    return read(Found, "SELECT * FROM portal.search(%s, %s, %s)", [text, limit, after])


def suggestions(text: str) -> list[str]:
    """Return up to three usernames that are close to `text`."""
    return read(str, "SELECT * FROM portal.suggestions(%s)", [text])
