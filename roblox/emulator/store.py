"""What the emulated Roblox holds: one SQLite file, so that a kill loses nothing and a million entries need no memory."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS universes (id INTEGER PRIMARY KEY, place INTEGER, name TEXT);
CREATE TABLE IF NOT EXISTS api_keys (key TEXT PRIMARY KEY, document TEXT);
CREATE TABLE IF NOT EXISTS entries (
    universe INTEGER, store TEXT, scope TEXT, id TEXT, value TEXT, users TEXT, attributes TEXT, revision INTEGER,
    created REAL, updated REAL, state TEXT, PRIMARY KEY (universe, store, scope, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS revisions (
    universe INTEGER, store TEXT, scope TEXT, id TEXT, revision INTEGER, value TEXT, updated REAL,
    PRIMARY KEY (universe, store, scope, id, revision)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ordered (
    universe INTEGER, store TEXT, scope TEXT, id TEXT, value INTEGER,
    PRIMARY KEY (universe, store, scope, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ordered_by_value ON ordered (universe, store, scope, value, id);
CREATE TABLE IF NOT EXISTS groups (id INTEGER PRIMARY KEY, name TEXT, owner INTEGER);
CREATE TABLE IF NOT EXISTS roles (group_id INTEGER, id INTEGER, rank INTEGER, name TEXT, PRIMARY KEY (group_id, id));
CREATE TABLE IF NOT EXISTS members (
    group_id INTEGER, user INTEGER, roles TEXT, created REAL, updated REAL, PRIMARY KEY (group_id, user));
CREATE TABLE IF NOT EXISTS group_log (
    id INTEGER PRIMARY KEY, group_id INTEGER, at REAL, actor INTEGER, user INTEGER, before INTEGER, after INTEGER);
CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name TEXT, display_name TEXT);
CREATE TABLE IF NOT EXISTS restrictions (
    universe INTEGER, place INTEGER, user INTEGER, document TEXT, updated REAL, PRIMARY KEY (universe, place, user));
CREATE TABLE IF NOT EXISTS restriction_log (id INTEGER PRIMARY KEY, universe INTEGER, user INTEGER, document TEXT);
CREATE TABLE IF NOT EXISTS idempotency (key TEXT PRIMARY KEY, answer TEXT);
CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY, universe INTEGER, topic TEXT, message TEXT, at REAL);
CREATE TABLE IF NOT EXISTS queue_items (
    id INTEGER PRIMARY KEY, universe INTEGER, queue TEXT, data TEXT, priority REAL, expires REAL, hidden REAL,
    read_id TEXT);
CREATE INDEX IF NOT EXISTS queue_items_next ON queue_items (universe, queue, priority DESC, id);
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT);
"""
TABLES = [line.split()[5] for line in SCHEMA.splitlines() if line.startswith("CREATE TABLE")]


class Store:
    """The file, shared by the threads of one process. Every method takes the lock; `atomic` keeps it."""

    def __init__(self, path: str) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        # A killed process loses nothing so; only a machine that dies would.
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.executescript(SCHEMA)

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def row(self, query: str, *values: Any) -> tuple[Any, ...] | None:
        with self._lock:
            found: tuple[Any, ...] | None = self._connection.execute(query, values).fetchone()
            return found

    def write(self, query: str, *values: Any) -> int:
        """The number of rows that changed."""
        with self._lock:
            return self._connection.execute(query, values).rowcount

    def write_many(self, query: str, rows: Iterable[Sequence[Any]]) -> None:
        with self._lock:
            self._connection.executemany(query, rows)

    @contextmanager
    def atomic(self) -> Iterator[None]:
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def empty(self) -> None:
        with self.atomic():
            for table in TABLES:
                self._connection.execute(f"DELETE FROM {table}")
