"""Secrets that stand in an address: kept out of every log line, and out of what a browser tells the next site."""

import re

SHOWN = "…"
# Whoever has the token of an appeal reads its answer.
_TOKEN = re.compile(r"(/appeals?/+)[^\s\"'?#<>\\]+", re.IGNORECASE)
# A sign-in comes back with its code and state in the query.
_PRIVATE = re.compile(r"/+(appeals?(/|$)|admin/sign-in/with/[^/]+/login/callback)", re.IGNORECASE)


def masked(text: str) -> str:
    """A path, or any text that may hold one, without the secrets in it."""
    return _TOKEN.sub(rf"\1{SHOWN}", text) if "ppeal" in text.lower() else text


def is_private(path: str) -> bool:
    """Whether the addresses below a path hold secrets, so that no page there tells its own address to others."""
    return _PRIVATE.match(path) is not None
