"""Read the settings from the environment.

A missing or malformed variable stops the start with one line that names it.
"""

import base64
import binascii
import os
import re
import sys
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import environ

from common.parsing import whole_number

BASE_DIR = Path(__file__).resolve().parent.parent
STATE_DIR = Path(os.environ.get("GRPS_STATE") or BASE_DIR / ".local").resolve()

PLACEHOLDER = "change-me"  # stands for a secret in the example files
OWNER_FILE = "owner.env"  # in the state folder, written by `make up`
# Values that systemd, Compose and this module would read differently.
AMBIGUOUS = re.compile(r"""(?:^|\s)\#|['"\\]""")


def stop(line: str) -> NoReturn:
    """End the process with one clear line, before anything was changed."""
    sys.exit(f"GRPS cannot start: {line}")


class Environment(environ.Env):  # type: ignore[misc]  # the library has no types
    """Read variables. An empty one counts as absent, and `$` has no meaning in a value.

    Each variable NAME can also come from the file that NAME_FILE names.
    """

    def get_value(
        self, var: str, cast: Any = None, default: Any = environ.Env.NOTSET, **_: Any
    ) -> Any:
        if text := raw(var):
            return self.parse_value(text, cast)
        if default is self.NOTSET:
            stop(f"{var} is not set; see .env.production.example.")
        return default


def raw(variable: str) -> str:
    """Return the text of a variable or of the file that NAME_FILE names, "" if both are absent."""
    value = os.environ.get(variable, "")
    file = os.environ.get(f"{variable}_FILE", "")
    if value and file:
        stop(f"{variable} and {variable}_FILE are both set: remove one of them.")
    return _file_text(variable, Path(file)) if file else value


def _file_text(variable: str, file: Path) -> str:
    """Return the text of a file. One newline at the end is removed."""
    try:
        return re.sub(r"\r?\n\Z", "", file.read_bytes().decode())
    except OSError as error:
        stop(f"{variable}_FILE names {file}, which cannot be read: {error.strerror}.")
    except UnicodeDecodeError:
        stop(f"{variable}_FILE names {file}, which is not UTF-8 text.")


env = Environment()


def load_files(name: str) -> None:
    """Read ``.env.<name>``, and in development also the file of ``make up``.

    The real environment overrides both.
    """
    _load(BASE_DIR / f".env.{name}")
    if name == "development":
        _load(STATE_DIR / "env")
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)  # its library takes "" for a folder


def _load(file: Path) -> None:
    """Add the variables of an env file that the environment does not have yet."""
    if not os.path.lexists(file):
        return
    try:
        lines = file.read_text().splitlines()
    except OSError as error:
        stop(f"{file} cannot be read: {error.strerror}.")
    except UnicodeDecodeError:
        stop(f"{file} is not UTF-8 text.")
    for number, line in enumerate(map(str.strip, lines), start=1):
        if line and line[0] not in "#;":
            variable, value = _assignment(f"line {number} of {file}", line)
            os.environ.setdefault(variable, value)


def _assignment(where: str, line: str) -> tuple[str, str]:
    """Parse `NAME=value` or `NAME='value'` as systemd and Compose do, or stop."""
    match = re.fullmatch(r"([A-Za-z_][A-Za-z0-9_]*)=\s*(.*)", line)
    if not match:
        stop(f"{where} is not NAME=value.")
    variable, value = match.groups()
    if quoted := re.fullmatch(r"""'([^'\\]*)'|"([^"\\$`]*)\"""", value):
        return variable, quoted[1] if quoted[1] is not None else quoted[2]
    if AMBIGUOUS.search(value):
        stop(
            f"{where} has a quote, a backslash or a # in the value of {variable}, which systemd and "
            "Compose read differently: put the value into single quotes, and a comment on a line "
            f"of its own. With a quote or backslash in it, use {variable}_FILE."
        )
    return variable, value


def owner_database_url() -> str:
    """Return the URL by which `migrate` reaches the database as the owner of its tables.

    It is empty if there is only one role. Only `migrate` reads it, from the environment or a
    separate file, so that no serving process knows it.
    """
    _load(BASE_DIR / f".env.{env.str('GRPS_ENV', default='production')}.owner")
    _load(STATE_DIR / OWNER_FILE)
    return database_url("DATABASE_OWNER_URL")


def database_url(variable: str) -> str:
    """Return the address of a PostgreSQL database, "" if it is not set."""
    url = str(env.str(variable, default="")).strip()
    if url:
        address(variable, url, ("postgresql", "postgres"))
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


def secrets(variable: str) -> list[str]:
    """Return the secrets of a variable, separated by commas, newest first."""
    found = [part.strip() for part in env.list(variable, default=[])]
    if PLACEHOLDER in found:
        stop(f"{variable} still holds {PLACEHOLDER!r}: give it random values, or leave it empty.")
    return [part for part in found if part]


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


def hex_bytes(variable: str, value: str, size: int) -> None:
    """Check that `value` is empty, or `size` bytes in hexadecimal digits."""
    if value and not re.fullmatch(rf"[0-9a-fA-F]{{{2 * size}}}", value):
        stop(f"{variable} must be {2 * size} hexadecimal digits.")


def key_bytes(variable: str, value: str, size: int) -> None:
    """Check that `value` is base64 of `size` bytes. The caller checks whether it is set."""
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        stop(f"{variable} is not base64.")
    if len(decoded) != size:
        stop(f"{variable} must be base64 of {size} bytes, not {len(decoded)}.")
