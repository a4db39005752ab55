"""Send several statements to PostgreSQL before reading their results, in one round trip."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection

type Rows = list[tuple[Any, ...]]


@contextmanager
def pipeline() -> Iterator[None]:
    """Do not wait for statements until their rows are read, or the block ends.

    They run in the order sent, each with its own snapshot. The first that fails raises Django's
    error, and the rest does not run.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


class Sent[T]:
    """A statement that was sent. `read` waits for its rows."""

    def __init__(self, sql: str, parameters: Sequence[Any], parse: Callable[[Rows], T]) -> None:
        self._parse = parse
        self._cursor = connection.cursor()
        self._cursor.execute(sql, parameters)

    def read(self) -> T:
        with self._cursor as cursor:
            return self._parse(cursor.fetchall())
