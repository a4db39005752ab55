"""Write new values of secrets: into the files of NAME_FILE, or as lines for the environment."""

import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from common.errors import Refused

PRIVATE = 0o600


def store(values: Mapping[str, str], main: str) -> list[str]:
    """Store values by variable, in the order given, and return lines for people.

    If the secret `main` comes from a file, its overlap goes into a file beside it.
    """
    beside = os.environ.get(f"{main}_FILE", "")
    lines = []
    for variable, value in values.items():
        named = os.environ.get(f"{variable}_FILE", "")
        if named:
            _replace(Path(named), value)
            lines.append(f"# {named} holds the new {variable}.")
        elif beside and variable != main and not os.environ.get(variable):
            file = Path(beside).with_name(f"{Path(beside).name}_previous")
            _replace(file, value)
            lines.append(f"{variable}_FILE={file}")
        else:
            lines.append(f"{variable}={_quoted(value)}")
    return lines


def _replace(file: Path, value: str) -> None:
    """Write a file atomically with mode 600. A file that exists keeps its owner."""
    file, draft = file.resolve(), ""
    try:
        descriptor, draft = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(f"{value}\n" if value else "")
            os.fchmod(handle.fileno(), PRIVATE)
            _keep_owner(file, handle.fileno())
            handle.flush()
            os.fsync(handle.fileno())
        Path(draft).replace(file)
    except OSError as error:
        if draft:
            Path(draft).unlink(missing_ok=True)  # it holds the new value
        raise Refused(f"{file} cannot be written: {error.strerror}. Nothing was changed.") from None


def _keep_owner(file: Path, descriptor: int) -> None:
    if not file.exists():
        return
    there, own = file.stat(), os.fstat(descriptor)
    if (there.st_uid, there.st_gid) != (own.st_uid, own.st_gid):
        os.fchown(descriptor, there.st_uid, there.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(PRIVATE))


def _quoted(value: str) -> str:
    """Return the value as an env file takes it (common/environment.py)."""
    return value if value.replace(",", "").isalnum() else f"'{value}'"
