"""Read rows of the schema `portal` as dataclasses, whose fields are in the order of the columns."""

from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection


def read[T](make: Callable[..., T], query: str, parameters: Sequence[Any] = ()) -> list[T]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return [make(*row) for row in cursor.fetchall()]


def first[T](make: Callable[..., T], query: str, parameters: Sequence[Any] = ()) -> T | None:
    return next(iter(read(make, query, parameters)), None)
