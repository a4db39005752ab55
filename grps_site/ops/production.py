"""What production refuses to start with: weak secrets and doors that stand open. One line names
variable and mend.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from common import environment

LEAST = 32  # characters of a secret
VARIED = 7  # different characters; 32 random digits have fewer once in a million
RUNS = 0.6  # the part of neighbours that may be equal or follow each other, as in 1234 or aaaa
FRESH = "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
FRESH_KEY = (
    "python3 -c 'import base64, secrets; print(base64.b64encode(secrets.token_bytes(32)).decode())'"
)
IN_BASE64 = {"AUDIT_SIGNING_KEY", "FIELD_ENCRYPTION_KEYS", "WEBHOOK_VERIFICATION_KEY"}
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
)  # Cloudflare publishes them: they pass or fail everybody


def refuse_weak(secrets: Mapping[str, Sequence[str]]) -> None:
    """Stop the start unless each secret that is set is long and random. An empty one closes what it
    opens.
    """
    for variable, values in secrets.items():
        for value in filter(None, values):
            if weak := weakness(value):
                fresh = FRESH_KEY if variable in IN_BASE64 else FRESH
                environment.stop(f"{variable} {weak}. Make a new one: {fresh}")


def weakness(secret: str) -> str:
    """What is wrong with a secret, or an empty text."""
    if len(secret) < LEAST:
        return f"has fewer than {LEAST} characters"
    lowered = secret.lower()
    if len(set(secret)) < VARIED or _repeats(secret):
        return "repeats itself: it is not random"
    if _runs(secret) > RUNS:
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
    """Words and years, apart or written together; 32 random characters hold digits among their
    letters.
    """
    parts = [part for part in re.split(r"[^A-Za-z0-9]+", secret) if part]
    return all(re.fullmatch(r"[A-Z]?[a-z]+\d{0,4}|[A-Z]+\d{0,4}|\d{1,4}", part) for part in parts)


def refuse_open_doors(
    *,
    hosts: Sequence[str],
    local_login: bool,
    second_factor: bool,
    turnstile_keys: Mapping[str, str],
) -> None:
    """Stop the start where anybody could get in, or give the site another name."""
    if any(host.strip() == "*" for host in hosts):
        environment.stop(
            "ALLOWED_HOSTS holds '*', which lets a request name any host: list the site's own names."
        )
    if local_login and not second_factor:
        environment.stop(
            "LOCAL_LOGIN_MFA is off while LOCAL_LOGIN is on: a password alone is for one's own machine. "
            "Take LOCAL_LOGIN_MFA out, or switch LOCAL_LOGIN off."
        )
    for variable, key in turnstile_keys.items():
        if TURNSTILE_TEST_KEY.fullmatch(key.strip()):
            environment.stop(
                f"{variable} is one of Cloudflare's test keys, which let everybody in: take the site's own from "
                "Cloudflare's dashboard."
            )
