"""Refuse to start production with weak secrets or unsafe settings.

The message is one line with the variable and its correction.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from common import environment

MIN_LENGTH = 32  # characters
MIN_DISTINCT = 7  # characters; one in a million secrets of 32 random digits has fewer
MAX_RUNS = 0.6  # share of neighbours that are equal or consecutive, as in 1234 or aaaa
COMMAND = "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
COMMAND_FOR_KEY = (
    "python3 -c 'import base64, secrets; print(base64.b64encode(secrets.token_bytes(32)).decode())'"
)
IN_BASE64 = {
    "AUDIT_SIGNING_KEY",
    "ERASURE_MARK_KEYS",
    "FIELD_ENCRYPTION_KEYS",
    "WEBHOOK_VERIFICATION_KEY",
    "WEBHOOK_VERIFICATION_KEY_PREVIOUS",
}
COMMON = (
    "change-me",
    "changeme",
    "password",
    "placeholder",
    "example",
    "insecure",
    "secret",
    "default",
    "qwerty",
)
TURNSTILE_TEST_KEY = re.compile(
    r"[1-9]x0{10,}[A-F]{2}"
)  # published by Cloudflare; they accept or refuse everybody


def refuse_weak(secrets: Mapping[str, Sequence[str]]) -> None:
    """Exit unless each secret is long and random. An empty secret disables its feature."""
    for variable, values in secrets.items():
        for value in filter(None, values):
            if weak := weakness(value):
                command = COMMAND_FOR_KEY if variable in IN_BASE64 else COMMAND
                environment.stop(f"{variable} {weak}. Make a new one: {command}")


def weakness(secret: str) -> str:
    """Describe why a secret is weak; empty if it is not."""
    if len(secret) < MIN_LENGTH:
        return f"has fewer than {MIN_LENGTH} characters"
    lowered = secret.lower()
    if len(set(secret)) < MIN_DISTINCT or _repeats(secret):
        return "repeats itself: it is not random"
    if _runs(secret) > MAX_RUNS:
        return "is a row of characters that follow each other: it is not random"
    if any(word in lowered for word in COMMON) or _is_words(secret):
        return "is made of words: it is not random"
    return ""


def _repeats(secret: str) -> bool:
    return any(secret[size:] == secret[:-size] for size in range(1, len(secret) // 2 + 1))


def _runs(secret: str) -> float:
    steps = [abs(ord(after) - ord(before)) <= 1 for before, after in pairwise(secret)]
    return sum(steps) / len(steps)


def _is_words(secret: str) -> bool:
    """Return whether it consists of words and years. Random characters mix digits and letters."""
    parts = [part for part in re.split(r"[^A-Za-z0-9]+", secret) if part]
    return all(re.fullmatch(r"[A-Z]?[a-z]+\d{0,4}|[A-Z]+\d{0,4}|\d{1,4}", part) for part in parts)


def refuse_unsafe(
    *,
    hosts: Sequence[str],
    local_login: bool,
    second_factor: bool,
    turnstile_keys: Mapping[str, str],
) -> None:
    """Exit if anybody could sign in, or if a request could choose the host name."""
    if any(host.strip() == "*" for host in hosts):
        environment.stop(
            "ALLOWED_HOSTS holds '*', which lets a request name any host: list the site's own names."
        )
    if local_login and not second_factor:
        environment.stop(
            "LOCAL_LOGIN_MFA is off while LOCAL_LOGIN is on: a password alone is for development only. "
            "Remove LOCAL_LOGIN_MFA, or switch LOCAL_LOGIN off."
        )
    for variable, key in turnstile_keys.items():
        if TURNSTILE_TEST_KEY.fullmatch(key.strip()):
            environment.stop(
                f"{variable} is one of Cloudflare's test keys, which accept everybody: use the site's own from "
                "Cloudflare's dashboard."
            )
