"""Read the settings from the environment.

A missing or malformed variable stops the start with one line that names it.
"""

import base64
import binascii
import os
import sys
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import environ

from common.parsing import whole_number

BASE_DIR = Path(__file__).resolve().parent.parent
STATE_DIR = Path(os.environ.get("GRPS_STATE", BASE_DIR / ".local")).resolve()

env = environ.Env()
OWNER_FILE = "owner.env"  # in the state folder, written by `make up`
PLACEHOLDER = "change-me"  # stands for a secret in the example files


def stop(line: str) -> NoReturn:
    """End the process with one clear line, before anything was changed."""
    sys.exit(f"GRPS cannot start: {line}")


def load_files(name: str) -> None:
    """Read ``.env.<name>``, and in development also the file of ``make up``.

    The real environment overrides both.
    """
    files = [BASE_DIR / f".env.{name}"]
    if name == "development":
        files.append(STATE_DIR / "env")
    for file in files:
        if file.is_file():
            env.read_env(str(file), overwrite=False)


def owner_database_url() -> str:
    """Return the URL by which `migrate` reaches the database as the owner of its tables.

    It is empty if there is only one role. Only `migrate` reads it, from the environment or a
    separate file, so that no serving process knows it.
    """
    files = [
        BASE_DIR / f".env.{env.str('GRPS_ENV', default='production')}.owner",
        STATE_DIR / OWNER_FILE,
    ]
    for file in files:
        if file.is_file():
            env.read_env(str(file), overwrite=False)
    url = str(env.str("DATABASE_OWNER_URL", default=""))
    if url:
        address("DATABASE_OWNER_URL", url, ("postgresql", "postgres"))
    return url


def required(variable: str, what: str) -> str:
    value = str(env.str(variable, default="")).strip()
    if not value:
        stop(f"{variable} is not set. It holds {what}; see .env.production.example.")
    if value == PLACEHOLDER:
        stop(f"{variable} is still {PLACEHOLDER!r}. It holds {what}.")
    return value


def secret(variable: str) -> str:
    """Return a secret, "" if it is not set. Stop if it still has the value of the example.

    Without the secret, what it protects is closed.
    """
    value = str(env.str(variable, default=""))
    if value == PLACEHOLDER:
        stop(
            f"{variable} is still {PLACEHOLDER!r}: give it a random value of its own, or leave it empty."
        )
    return value


def networks(variable: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Return the networks of a variable, written as `10.0.0.0/8` and separated by commas."""
    found = []
    for text in env.list(variable, default=[]):
        try:
            found.append(ip_network(text.strip()))
        except ValueError:
            stop(f"{variable} holds {text!r}; write networks as 10.0.0.0/8, separated by commas.")
    return tuple(found)


def whole(variable: str, default: int, *, least: int = 0) -> int:
    text = env.str(variable, default=str(default))
    number = whole_number(text)
    if number is None or number < least:
        stop(f"{variable} is {text!r}; it must be a whole number of at least {least}.")
    return number


def switch(variable: str, default: bool) -> bool:
    text = env.str(variable, default="on" if default else "off").lower()
    if text not in {"on", "off", "true", "false", "1", "0"}:
        stop(f"{variable} is {text!r}; it must be on or off.")
    return text in {"on", "true", "1"}


def figures(variable: str) -> dict[str, float | None]:
    """Return numbers by name, written as `name=600,other=off` (off: None)."""
    found: dict[str, float | None] = {}
    for part in env.list(variable, default=[]):
        name, _, text = part.partition("=")
        try:
            found[name.strip()] = None if text.strip() == "off" else float(text)
        except ValueError:
            stop(f"{variable} holds {part!r}; write name=number or name=off, separated by commas.")
    return found


def one_of(variable: str, default: str, choices: tuple[str, ...]) -> str:
    text = str(env.str(variable, default=default)).upper()
    if text not in choices:
        stop(f"{variable} is {text!r}; it must be one of {', '.join(choices)}.")
    return text


def address(variable: str, value: str, schemes: tuple[str, ...]) -> None:
    """Check that `value` is a URL of one of `schemes` with a host.

    The value may contain a password, so no message shows it.
    """
    try:
        parts = urlsplit(value)
        # SQS has no host: its address is the region.
        whole = (bool(parts.hostname) or parts.scheme == "sqs") and parts.port != 0
    except ValueError:
        whole = False
    if not whole or parts.scheme not in schemes:
        stop(f"{variable} is not an address such as {schemes[0]}://user:password@host:port/name.")
    if parts.password == PLACEHOLDER:
        stop(
            f"{variable} still has the password {PLACEHOLDER!r}: give the server and this address a random one."
        )


def key_bytes(variable: str, value: str, size: int) -> None:
    """Check that `value` is base64 of `size` bytes. The caller checks whether it is set."""
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        stop(f"{variable} is not base64.")
    if len(decoded) != size:
        stop(f"{variable} must be base64 of {size} bytes, not {len(decoded)}.")
