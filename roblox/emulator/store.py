"""The emulator's state: one SQLite file, which survives the process that writes it."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from roblox.emulator.clock import Clock

# Times are microseconds since 1970. A value is stored once: the current one in `entries`, earlier
# ones in `revisions`.
SCHEMA = """
CREATE TABLE IF NOT EXISTS api_keys (key TEXT PRIMARY KEY, name TEXT, owner INTEGER, scopes TEXT, enabled INTEGER,
    expires TEXT);
CREATE TABLE IF NOT EXISTS universes (id INTEGER PRIMARY KEY, root_place INTEGER, name TEXT);
CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE, display TEXT);
CREATE INDEX IF NOT EXISTS users_by_name ON users (name);
CREATE TABLE IF NOT EXISTS options (name TEXT PRIMARY KEY, value REAL);

CREATE TABLE IF NOT EXISTS data_stores (id INTEGER PRIMARY KEY, universe INTEGER, name TEXT, created INTEGER,
    UNIQUE (universe, name));
CREATE TABLE IF NOT EXISTS entries (id INTEGER PRIMARY KEY, store INTEGER, scope TEXT, key TEXT, created INTEGER,
    number INTEGER, revised INTEGER, since INTEGER, active INTEGER, value TEXT, users TEXT, attributes TEXT,
    UNIQUE (store, scope, key));
CREATE TABLE IF NOT EXISTS revisions (entry INTEGER, number INTEGER, revised INTEGER, active INTEGER, value TEXT,
    users TEXT, attributes TEXT, PRIMARY KEY (entry, number));
CREATE TABLE IF NOT EXISTS snapshots (universe INTEGER PRIMARY KEY, taken INTEGER);

CREATE TABLE IF NOT EXISTS ordered_stores (id INTEGER PRIMARY KEY, universe INTEGER, name TEXT,
    UNIQUE (universe, name));
CREATE TABLE IF NOT EXISTS ordered (store INTEGER, scope TEXT, id TEXT, value INTEGER,
    PRIMARY KEY (store, scope, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ordered_by_value ON ordered (store, scope, value, id);

CREATE TABLE IF NOT EXISTS groups (id INTEGER PRIMARY KEY, name TEXT, owner INTEGER, created INTEGER);
CREATE TABLE IF NOT EXISTS roles (group_id INTEGER, id INTEGER, rank INTEGER, name TEXT, PRIMARY KEY (group_id, id));
CREATE TABLE IF NOT EXISTS role_permissions (group_id INTEGER, role INTEGER, granted TEXT,
    PRIMARY KEY (group_id, role)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS members (group_id INTEGER, user INTEGER, created INTEGER, updated INTEGER,
    PRIMARY KEY (group_id, user));
CREATE TABLE IF NOT EXISTS member_roles (group_id INTEGER, user INTEGER, role INTEGER,
    PRIMARY KEY (group_id, user, role)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS join_requests (group_id INTEGER, user INTEGER, created INTEGER,
    PRIMARY KEY (group_id, user));
CREATE INDEX IF NOT EXISTS members_by_role ON member_roles (group_id, role, user);
CREATE TABLE IF NOT EXISTS group_log (id INTEGER PRIMARY KEY, group_id INTEGER, action TEXT, actor INTEGER,
    target INTEGER, old_role INTEGER, new_role INTEGER, created INTEGER);

CREATE TABLE IF NOT EXISTS restrictions (universe INTEGER, place INTEGER, user INTEGER, active INTEGER,
    started INTEGER, seconds INTEGER, private TEXT, display TEXT, no_alts INTEGER, updated INTEGER,
    PRIMARY KEY (universe, place, user));
CREATE TABLE IF NOT EXISTS restriction_log (id INTEGER PRIMARY KEY, universe INTEGER, place INTEGER, user INTEGER,
    moderator INTEGER, active INTEGER, started INTEGER, seconds INTEGER, private TEXT, display TEXT, no_alts INTEGER,
    created INTEGER);
CREATE INDEX IF NOT EXISTS restriction_log_by_universe ON restriction_log (universe, id);
CREATE TABLE IF NOT EXISTS sent_once (universe INTEGER, key TEXT, answer BLOB, created INTEGER,
    PRIMARY KEY (universe, key));

CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY, universe INTEGER, topic TEXT, message TEXT, sent INTEGER);
CREATE TABLE IF NOT EXISTS queue_items (id INTEGER PRIMARY KEY, universe INTEGER, queue TEXT, data TEXT, priority REAL,
    expires INTEGER, hidden_until INTEGER, read_id TEXT);
CREATE INDEX IF NOT EXISTS queue_order ON queue_items (universe, queue, priority DESC, id);

CREATE TABLE IF NOT EXISTS seeds (universe INTEGER, store TEXT, scope TEXT, key_format TEXT, index_store TEXT,
    format TEXT, players INTEGER, first_user INTEGER, PRIMARY KEY (universe, store, scope, key_format));
"""
CACHE_KIB = 2048  # per connection of a thread: memory does not grow with the number of entries


class Connection(sqlite3.Connection):
    """A connection. `now` is the start of the transaction."""

    now = 0


class Store:
    """The SQLite file, with a connection for each thread and one writer at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = Clock()
        self._threads = threading.local()
        self._writer = threading.RLock()
        self.read().executescript(SCHEMA)

    def read(self) -> Connection:
        """Return this thread's connection, for reading only."""
        connection: Connection | None = getattr(self._threads, "connection", None)
        if connection is None:
            connection = self._threads.connection = self._connect()
        return connection

    def _connect(self) -> Connection:
        connection = sqlite3.connect(
            self.path, isolation_level=None, timeout=60, check_same_thread=False, factory=Connection
        )
        connection.execute("PRAGMA journal_mode = WAL")
        # The file must outlive the process but not the machine, so nothing waits for the disk.
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        return connection

    def close(self) -> None:
        """Close this thread's connection."""
        connection: Connection | None = getattr(self._threads, "connection", None)
        if connection is not None:
            connection.close()
            self._threads.connection = None

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction, which is rolled back on an exception."""
        with self._writer:
            connection = self.read()
            connection.execute("BEGIN IMMEDIATE")
            connection.now = self.clock.now()
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def empty(self) -> None:
        """Delete all rows."""
        with self.write() as db:
            query = "SELECT name FROM sqlite_schema WHERE type = 'table'"
            for (table,) in db.execute(query).fetchall():
                db.execute(f"DELETE FROM {table}")

    def option(self, name: str) -> float:
        """Return a switch of the emulator, 0 by default."""
        row = self.read().execute("SELECT value FROM options WHERE name = ?", (name,)).fetchone()
        return float(row[0]) if row else 0.0
