"""Compare the seal file with the restored database by hash."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from audits.chain.chain import SealFields
from audits.chain.stored_seals import stream_seals


@dataclass(frozen=True, slots=True)
class SealHistory:
    """`common` is the last seal that both have, and `file_end` the last one of the file.

    `lost_seals` counts those of the file that the database has not, `lost_events` their events.
    """

    path: Path
    exists: bool
    common: SealFields | None
    file_end: SealFields | None
    lost_seals: int
    lost_events: int

    @property
    def differs(self) -> bool:
        return self.lost_seals > 0


def compare(path: Path) -> SealHistory:
    """Read the whole file. It ends at a line that is not a seal, such as an incomplete last line."""
    inside = stream_seals()
    common = file_end = None
    lost_seals = lost_events = 0
    exists = path.exists()
    for outside in _seals(path) if exists else []:
        file_end = outside
        if not lost_seals and next(inside, None) == outside:
            common = outside
        else:
            lost_seals += 1
            lost_events += outside.size
    return SealHistory(path, exists, common, file_end, lost_seals, lost_events)


def _seals(path: Path) -> Iterator[SealFields]:
    with path.open("rb") as file:
        for line in file:
            try:
                yield SealFields.from_json(line)
            except (ValueError, TypeError):
                return
