"""Large adjustments: judged as a whole, approved by a second person past a limit, applied in
chunks, undone at once.

Rows wait in `adjustment_rows`; `step` applies one chunk of them in one transaction with its ledger
rows, its ranks and its audit event, and moves the adjustment's `line` on. So a process may end
anywhere, and the next one goes on there.
"""

from common.leases import LeaseLost, claim
from players.mass_adjustments.apply import CHUNK, apply, digest, progress, run, run_due, step
from players.mass_adjustments.approval import APPROVAL, approve, needs_second, reject, start
from players.mass_adjustments.preview import (
    Conflict,
    Invalid,
    invert,
    largest,
    preview,
    skipped_by_note,
)
from players.mass_adjustments.rows import ABOVE, ERASED, GONE, LIMITED, OVERFLOW, OWN, UNKNOWN

__all__ = [
    "ABOVE",
    "APPROVAL",
    "CHUNK",
    "ERASED",
    "GONE",
    "LIMITED",
    "OVERFLOW",
    "OWN",
    "UNKNOWN",
    "Conflict",
    "Invalid",
    "LeaseLost",
    "apply",
    "approve",
    "claim",
    "digest",
    "invert",
    "largest",
    "needs_second",
    "preview",
    "progress",
    "reject",
    "run",
    "run_due",
    "skipped_by_note",
    "start",
    "step",
]
