"""Secrets and people in addresses: kept out of log lines, and secrets out of what a browser tells
the next site.
"""

import re

SHOWN = "…"
# Whoever has the token of an appeal reads its answer.
_TOKEN = re.compile(r"(/appeals?/+)[^\s\"'?#<>\\]+", re.IGNORECASE)
# A sign-in comes back with its code and state in the query.
_PRIVATE = re.compile(r"/+(appeals?(/|$)|admin/sign-in/with/[^/]+/login/callback)", re.IGNORECASE)


def masked(text: str) -> str:
    """A path, or any text that may hold one, without the secrets in it."""
    return _TOKEN.sub(rf"\1{SHOWN}", text) if "ppeal" in text.lower() else text


# Where a path names a player by their Roblox id, of however few digits.
_PLAYER = re.compile(r"(/(?:players|around|users|acts/+[a-z_-]+)/+)-?\d+", re.IGNORECASE)
# Numbers as long as most ids of Roblox; those of ours and the parts of hexadecimal ones are not.
_LONG_NUMBER = re.compile(r"(?<![A-Za-z0-9.])\d{6,}(?!\.?[A-Za-z0-9])")
# PostgreSQL tells which value it refused.
_VALUE = re.compile(r"(DETAIL:\s+)[^\n]*|(Key \([^)]*\)=)\([^\n]*?\)(?= |$)")


def impersonal(text: str) -> str:
    """A text of a log without the people that it may name: ids of Roblox, and values that the
    database refused.
    """
    text = _PLAYER.sub(rf"\1{SHOWN}", text)
    text = _VALUE.sub(lambda found: f"{found[1] or found[2]}{SHOWN}", text)
    return _LONG_NUMBER.sub(SHOWN, text)


def is_private(path: str) -> bool:
    """Whether the addresses below a path hold secrets, so that no page there tells its own address
    to others.
    """
    return _PRIVATE.match(path) is not None
