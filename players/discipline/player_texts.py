"""Texts that a sanctioned player reads, fit for Roblox's text filter."""

import re

LINK = re.compile(  # Roblox rejects links and handles
    r"https?://\S+|\b\S+\.(?:com|net|org|gg|io|me)\b\S*|@\w+", re.IGNORECASE
)


def readable(reason: str) -> str:
    """Replace links and handles in a reason by an ellipsis."""
    return LINK.sub("…", reason).strip()


def ban_message(reason: str, code: str) -> str:
    """Return at most 400 characters, with the case code that an appeal needs."""
    return f"{readable(reason)[:370]} (case {code})"
