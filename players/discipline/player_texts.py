"""What a sanctioned player reads, within what Roblox's text filter lets through."""

import re

LINK = re.compile(  # Roblox rejects links and handles
    r"https?://\S+|\b\S+\.(?:com|net|org|gg|io|me)\b\S*|@\w+", re.IGNORECASE
)


def readable(reason: str) -> str:
    """A reason without links and handles."""
    return LINK.sub("…", reason).strip()


def ban_message(reason: str, code: str) -> str:
    """At most 400 characters, with the case code that an appeal needs."""
    return f"{readable(reason)[:370]} (case {code})"
