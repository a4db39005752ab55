"""Mask secrets and personal data in paths and log lines."""

import re

MASK = "…"
# The token of an appeal gives access to its answer.
_TOKEN = re.compile(r"(/appeals?/+)[^\s\"'?#<>\\]+", re.IGNORECASE)
# A sign-in returns with its code and state in the query.
_PRIVATE = re.compile(r"/+(appeals?(/|$)|admin/sign-in/with/[^/]+/login/callback)", re.IGNORECASE)


def mask_secrets(text: str) -> str:
    """Mask the secrets in a path, or in a text that may contain one."""
    return _TOKEN.sub(rf"\1{MASK}", text) if "ppeal" in text.lower() else text


# A Roblox user id in a path, of any length.
_PLAYER = re.compile(r"(/(?:players|around|users|acts/+[a-z_-]+)/+)-?\d+", re.IGNORECASE)
# Numbers as long as most ids of Roblox, but not parts of hexadecimal ids.
_LONG_NUMBER = re.compile(r"(?<![A-Za-z0-9.])\d{6,}(?!\.?[A-Za-z0-9])")
# PostgreSQL's messages contain refused values.
_VALUE = re.compile(r"(DETAIL:\s+)[^\n]*|(Key \([^)]*\)=)\([^\n]*?\)(?= |$)")


def mask_people(text: str) -> str:
    """Mask ids of Roblox, and values that the database refused, in a text of a log."""
    text = _PLAYER.sub(rf"\1{MASK}", text)
    text = _VALUE.sub(lambda found: f"{found[1] or found[2]}{MASK}", text)
    return _LONG_NUMBER.sub(MASK, text)


def is_private(path: str) -> bool:
    """Return whether the path may contain a secret, so that no referrer may be sent."""
    return _PRIVATE.match(path) is not None
