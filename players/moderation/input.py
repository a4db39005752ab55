"""Check the reasons, evidence and moments that people enter."""

import datetime as dt
from collections.abc import Sequence
from urllib.parse import urlsplit

from django.conf import settings

from common.errors import Refused
from common.time import BadMoment, in_utc
from common.visible_text import clean_text

MOST_LINKS = 5
LONGEST_LINK = 500
LONGEST_REASON = 500


def check_reason(reason: str) -> str:
    """Return the reason without what is not visible. Raises Refused."""
    found = clean_text(reason) if "\0" not in reason else reason
    if not found:
        raise Refused("reason: it is required; say why in a sentence.")
    if len(found) > LONGEST_REASON:
        raise Refused(f"reason: it has {len(found)} characters; {LONGEST_REASON} are the most.")
    if "\0" in found:
        raise Refused("reason: it holds a NUL character; take it out.")
    return found


def check_evidence(links: Sequence[str]) -> list[str]:
    """Trim links to evidence and return them. Raises Refused naming the first bad one."""
    found = [link.strip() for link in links if link.strip()]
    if len(found) > MOST_LINKS:
        raise Refused(f"evidence: {len(found)} links; {MOST_LINKS} are the most.")
    for link in found:
        if not _is_link(link):
            raise Refused(
                f"evidence: {link[:80]!r} is not an https:// link of at most {LONGEST_LINK} characters."
            )
    return found


def check_moment(until: dt.datetime | None) -> dt.datetime | None:
    """Return the moment in UTC; None stays None.

    Raises Refused for a moment that the database cannot store.
    """
    if until is None:
        return None
    try:
        return in_utc(until)
    except BadMoment as error:
        raise Refused(f"until: {error}.") from None


def preset_reasons() -> dict[str, list[str]]:
    """Return the configured reasons to choose from, by act."""
    found: dict[str, list[str]] = settings.INTEGRATIONS.moderation.reasons
    return found


def _is_link(link: str) -> bool:
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return (
        parts.scheme == "https"
        and bool(parts.hostname)
        and len(link) <= LONGEST_LINK
        and link.isprintable()
    )
