"""Read the relations and the values of PostgreSQL's replication protocol (pgoutput, version 1)."""

import struct
from collections import defaultdict
from collections.abc import Iterable


def relations(messages: Iterable[bytes]) -> dict[str, set[str]]:
    """Return the columns of each table that the messages describe."""
    found: dict[str, set[str]] = defaultdict(set)
    for message in messages:
        if message[:1] == b"R":
            table, columns = _relation(message)
            found[table] |= columns
    return dict(found)


def _relation(message: bytes) -> tuple[str, set[str]]:
    """Parse R, oid, schema, table, identity, count; then flags, name, type, modifier of each."""
    _, table, rest = message[5:].split(b"\0", 2)
    (count,) = struct.unpack(">h", rest[1:3])
    rest, names = rest[3:], set()
    for _ in range(count):
        name, rest = rest[1:].split(b"\0", 1)
        names.add(name.decode())
        rest = rest[8:]
    return table.decode(), names
