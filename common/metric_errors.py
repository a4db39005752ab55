"""Errors of metrics. A metric never fails the work that it counts."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

log = structlog.get_logger("grps.metrics")
_failed: set[str] = set()  # messages that were logged


@contextmanager
def tolerated() -> Iterator[None]:
    """Let no error of the folder of metrics leave the block. Each kind of error is logged once.

    The folder may disappear or become full while the process runs. After a fork the library opens
    new files in it. ValueError comes from a file that it has closed before.
    """
    try:
        yield
    except (OSError, ValueError) as error:
        said = str(error)
        if said not in _failed and len(_failed) < 100:
            _failed.add(said)
            log.warning("a metric was not counted", error=said)
