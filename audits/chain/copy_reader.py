"""Read events from the database as the lines that are hashed.

It uses libpq directly: a cursor's row-by-row reader costs more than hashing the row does. `start`
returns at once, so that the server prints the next lines while we hash the last ones.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from django.db import DatabaseError, connection
from psycopg import pq

LINE = """a.id, (extract(epoch FROM a.at) * 1000000)::bigint, a.action, a.actor_kind, a.actor_id, a.target_kind,
    a.target_id, a.experience, a.request_id, a.policy_version, coalesce(a.reverts, 0), a.details, a.commitments"""


# Lines read at a time. The server goes on printing while we hash them, as long as they and the next
# ones fit into the socket's buffer (about 600 lines).
GROUP = 200


class Copy(NamedTuple):
    """A running COPY. Read its lines to the end before using the connection for anything else."""

    libpq: "pq.abc.PGconn"

    def lines(self) -> Iterator[bytes]:
        """Yield the lines without newlines. Raises DatabaseError if the server stops early."""
        for group in self.groups():
            yield from group

    def groups(self) -> Iterator[list[bytes]]:
        """Yield the lines in lists of up to GROUP. Raises as `lines` does."""
        read = self.libpq.get_copy_data
        size = 1
        try:
            while size >= 0:
                group: list[bytes] = []
                for _ in range(GROUP):
                    size, data = read(0)
                    if size < 0:
                        break
                    group.append(data.tobytes()[:-1])
                yield group
        finally:
            while size >= 0:
                size, _ = read(0)
            while (end := self.libpq.get_result()) is not None:
                if end.status != pq.ExecStatus.COMMAND_OK:
                    raise DatabaseError(end.error_message.decode(errors="replace"))


def start(ids: Sequence[int]) -> Copy:
    """Start reading the events with these ids (ascending), in this order.

    The result may include a few other events.
    """
    if ids and ids[-1] - ids[0] < 2 * len(ids) + 1000:
        where = f"a.id BETWEEN {ids[0]:d} AND {ids[-1]:d}"
    else:
        # An event committed long after its id was taken, so other seals cover the events with ids
        # near it.
        where = f"a.id = ANY('{{{','.join(map(str, ids))}}}'::bigint[])"
    connection.ensure_connection()
    libpq: pq.abc.PGconn = connection.connection.pgconn
    result = libpq.exec_(
        f"COPY (SELECT {LINE} FROM audits a WHERE {where} ORDER BY a.id) TO STDOUT".encode()
    )
    if result.status != pq.ExecStatus.COPY_OUT:
        raise DatabaseError(result.error_message.decode(errors="replace"))
    return Copy(libpq)


def in_order(ids: Sequence[int]) -> list[bytes | None]:
    """Return the lines of these events in the order given, None for an event that is gone."""
    places = {str(event).encode(): place for place, event in enumerate(ids)}
    lines: list[bytes | None] = [None] * len(ids)
    for line in start(sorted(ids)).lines():
        place = places.get(line[: line.index(b"\t")])
        if place is not None:
            lines[place] = line
    return lines


def ids_between(first: int, last: int) -> list[int]:
    """Return the ids of the events from one position to another, in the order of the chain."""
    return places_between(first, last)[1]


def places_between(first: int, last: int) -> tuple[list[int], list[int]]:
    """Return the positions in a range that hold an event, and the ids of these events."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT array_agg(position ORDER BY position), array_agg(event_id ORDER BY position)"
            " FROM sealed_events WHERE position BETWEEN %s AND %s",
            [first, last],
        )
        positions, ids = cursor.fetchone()
        return positions or [], ids or []
