"""The seal file outside the database: append seals to it, and store how far it is."""

from dataclasses import dataclass
from pathlib import Path

import structlog
from django.conf import settings
from django.db.models import Max
from django.db.models.functions import Coalesce, Now

from audits.chain.chain import SealFields
from audits.chain.stored_seals import stream_seals
from audits.models import Seal, SealFileState
from common import append_only_files, database_clock

log = structlog.get_logger("grps.seals")


class SealFileError(Exception):
    """The file cannot grow. The text says why, and what to do."""


class OtherSeals(SealFileError):
    """The file has a seal that the database has not, or has with another hash."""


@dataclass(frozen=True, slots=True)
class SealFileStatus:
    """How many seals the file lacks, and why it does not grow (empty: it does)."""

    behind: int
    error: str


def publish(path: Path) -> None:
    """Append the missing seals, and store how far the file is.

    An error is stored and logged, not raised: sealing goes on while the disk is full.
    """
    state, _ = SealFileState.objects.get_or_create(pk=SealFileState.ONLY)
    try:
        last = append(path)
    except (OSError, SealFileError) as error:
        text = str(error) if isinstance(error, SealFileError) else f"It cannot be written: {error}."
        _store_error(state, text, differs=isinstance(error, OtherSeals))
        return
    if (state.last_seal, state.error) != (last, ""):
        SealFileState.objects.filter(pk=state.pk).update(
            last_seal=last, error="", differs_since=None
        )


def append(path: Path) -> int:
    """Append the missing seals, and return the number of the file's last seal, 0 if it has none.

    A torn last line (the machine died while writing) is cut off first. Only whole lines, synced to
    the disk, count. Raises OSError, and SealFileError if its last seal is not the database's.
    """
    with append_only_files.appending(path) as file:
        line = append_only_files.last_line(file)
        known = last = _checked(path, line).number if line is not None else 0
        for seal in stream_seals(after=known):
            file.write(seal.as_json().encode() + b"\n")
            last = seal.number
        if last > known:
            append_only_files.keep(file)
        return last


def difference(path: Path) -> str:
    """Return how the file's last seal contradicts the database, empty if it does not.

    Empty also if the file is missing or cannot be read here.
    """
    try:
        with path.open("rb") as file:
            line = append_only_files.last_whole_line(file)
            if line is not None:
                _checked(path, line)
    except OtherSeals as error:
        return str(error)
    except (OSError, SealFileError):
        return ""
    return ""


def set_aside(path: Path, stamp: str) -> Path:
    """Rename a file of another history, and return its new path. The sealer writes a new one."""
    kept = path.rename(path.with_name(f"{path.name}.before-restore-{stamp}"))
    SealFileState.objects.update(last_seal=0, error="", differs_since=None)
    return kept


def status() -> SealFileStatus:
    """Return the state as the sealer stored it, which need not run on this machine."""
    state = _state()
    return SealFileStatus(max(0, _head() - state.last_seal), state.error)


def differs() -> bool:
    """Return whether the sealer found other seals in the file than in the database."""
    return _state().differs_since is not None


def problem(grace: int) -> str:
    """Return what is wrong with the file in a sentence, empty if nothing is.

    Seals younger than `grace` seconds may be missing.
    """
    state = _state()
    behind = max(0, _head() - state.last_seal)
    if state.error:
        return f"{settings.AUDIT_SEAL_FILE} lacks {behind} seals. {state.error}"
    missing = Seal.objects.filter(number__gt=state.last_seal).order_by("number").first()
    if missing is None or (database_clock.now() - missing.at).total_seconds() < grace:
        return ""
    return f"{settings.AUDIT_SEAL_FILE} lacks {behind} seals, the first of {missing.at:%H:%M:%S}."


def _checked(path: Path, line: bytes) -> SealFields:
    """Return the seal of a line. Raises SealFileError, and OtherSeals unless the database has it."""
    try:
        seal = SealFields.from_json(line)
    except (ValueError, TypeError):
        raise SealFileError(
            f"The last line of {path} is not a seal: move the file away, and a new one is written."
        ) from None
    known = Seal.objects.filter(number=seal.number).values_list("hash", flat=True).first()
    if known == seal.hash:
        return seal
    what = "does not have" if known is None else "has with another hash"
    raise OtherSeals(
        f"It ends with seal {seal.number}, which the database {what}. If an older backup was"
        " restored, run `manage.py recover after-restore` (docs/recover.md)."
    )


def _state() -> SealFileState:
    found = SealFileState.objects.filter(pk=SealFileState.ONLY).first()
    return found or SealFileState(last_seal=0, error="")


def _head() -> int:
    return int(Seal.objects.aggregate(head=Coalesce(Max("number"), 0))["head"])


def _store_error(state: SealFileState, error: str, *, differs: bool) -> None:
    if state.error != error:
        log.error("the seal file does not grow", error=error)
    since = Coalesce("differs_since", Now()) if differs else None
    SealFileState.objects.filter(pk=state.pk).update(error=error, differs_since=since)
