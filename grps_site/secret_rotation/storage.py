"""Write new values of secrets: into the files of NAME_FILE, or as lines for the environment."""

import os
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from common.errors import Refused

PRIVATE = 0o600


@contextmanager
def storing(values: Mapping[str, str], main: str) -> Iterator[list[str]]:
    """Store values by variable, in the order given, when the block ends. Yield lines for people.

    Drafts of the files are written before the block, so that little can fail after it. If the block
    fails, every file stays as it is.
    """
    files, lines = _places(values, main)
    drafts: list[Path] = []
    try:
        for file, value in files:
            drafts.append(_draft(file, f"{value}\n" if value else ""))
        yield lines
        _replace([file for file, _ in files], drafts)
    finally:
        for draft in drafts:
            draft.unlink(missing_ok=True)  # it holds the new value


def _places(values: Mapping[str, str], main: str) -> tuple[list[tuple[Path, str]], list[str]]:
    """Return files with their values, and lines. The overlap goes beside the file of `main`."""
    beside = os.environ.get(f"{main}_FILE", "")
    files, lines = [], []
    for variable, value in values.items():
        named = os.environ.get(f"{variable}_FILE", "")
        if named:
            files.append((Path(named).resolve(), value))
            lines.append(f"# {named} holds the new {variable}.")
        elif beside and variable != main and not os.environ.get(variable):
            file = Path(beside).with_name(f"{Path(beside).name}_previous")
            files.append((file.resolve(), value))
            lines.append(f"{variable}_FILE={file}")
        else:
            lines.append(f"{variable}={_quoted(value)}")
    return files, lines


def _draft(file: Path, text: str) -> Path:
    """Write the new text of a file beside it, with mode 600 and the owner of the file."""
    draft = ""
    try:
        descriptor, draft = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(text)
            os.fchmod(handle.fileno(), PRIVATE)
            _keep_owner(file, handle.fileno())
            handle.flush()
            os.fsync(handle.fileno())
    except OSError as error:
        if draft:
            Path(draft).unlink(missing_ok=True)
        raise Refused(f"{file} cannot be written: {error.strerror}. No file was changed.") from None
    return Path(draft)


def _replace(files: Sequence[Path], drafts: Sequence[Path]) -> None:
    """Replace each file by its draft. Raises Refused, with the files as they were if possible."""
    replaced: list[tuple[Path, str | None]] = []
    for file, draft in zip(files, drafts, strict=True):
        try:
            before = file.read_text(encoding="utf-8") if file.exists() else None
            draft.replace(file)
        except OSError as error:
            changed = [str(one) for one, text in replaced if not _put_back(one, text)]
            result = f"Only {', '.join(changed)} was changed" if changed else "No file was changed"
            raise Refused(
                f"{file} cannot be written: {error.strerror}. {result}, but the audit log has the"
                " act. Run the command again when the file can be written."
            ) from None
        replaced.append((file, before))


def _put_back(file: Path, text: str | None) -> bool:
    """Give a file its former text, or remove it if there was none. Return whether that worked."""
    with suppress(OSError, Refused):
        if text is None:
            file.unlink()
            return True
        draft = _draft(file, text)
        try:
            draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)
        return True
    return False


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
