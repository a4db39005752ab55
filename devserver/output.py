"""Lines for the person at the terminal."""

import sys

from devserver import disks


def say(line: str) -> None:
    """Print a line on standard error, which may be a file on a full disk."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError as error:
        if not disks.is_full(error):
            raise
