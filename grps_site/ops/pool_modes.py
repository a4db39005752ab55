"""DATABASE_POOL: which pool of connections stands in front of the database, and what it carries.

A transaction pool gives each transaction another connection of the server. Prepared statements are
used there only if the pool carries them. Otherwise a client gets rows of another one's statement.
"""

from typing import Any
from urllib.parse import urlsplit

from common import environment

NONE, SESSION = "none", "session"
TRANSACTION, UNPREPARED = "transaction", "transaction-unprepared"
MODES = (NONE, SESSION, TRANSACTION, UNPREPARED)
PREPARE_THRESHOLD = 2  # runs of a statement before psycopg prepares it
POOL_PORTS = {6432, 6543}  # PgBouncer's own, and that of Supabase's transaction pool


def mode(chosen: str, url: str) -> str:
    """Return the chosen mode. An empty one follows from the host's name and port in `url`."""
    found = chosen or by_address(url)
    if found not in MODES:
        environment.stop(f"DATABASE_POOL is {found!r}; it must be one of {', '.join(MODES)}.")
    return found


def by_address(url: str) -> str:
    """Return UNPREPARED if the address looks like a pool's, as this is right in front of any pool."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    looks_pooled = "pool" in host or "pgbouncer" in host or parts.port in POOL_PORTS
    return UNPREPARED if looks_pooled else NONE


def is_transaction(mode: str) -> bool:
    return mode in {TRANSACTION, UNPREPARED}


def apply(database: dict[str, Any], mode: str) -> None:
    """Set up Django's settings of a database for `mode`."""
    # A cursor of the server ends with its transaction there, also one that is WITH HOLD.
    database["DISABLE_SERVER_SIDE_CURSORS"] = is_transaction(mode)
    threshold = None if mode == UNPREPARED else PREPARE_THRESHOLD
    database.setdefault("OPTIONS", {})["prepare_threshold"] = threshold
