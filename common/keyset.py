"""Read a long result in pages by its key, each page one statement.

Unlike `QuerySet.iterator`, this needs no cursor that outlives a transaction, which a transaction
pool loses.
"""

from collections.abc import Callable, Iterator
from typing import Any

from django.db.models import Model, QuerySet

SIZE = 5_000  # rows of a page


def paged[M: Model, R](
    rows: QuerySet[M, R], key: str, key_of: Callable[[R], Any], size: int = SIZE
) -> Iterator[R]:
    """Yield `rows` in the order of `key`, which is unique among them. `key_of` reads it of a row.

    Each page sees what is committed then.
    """
    ordered = rows.order_by(key)
    page = list(ordered[:size])
    while page:
        yield from page
        if len(page) < size:
            return
        page = list(ordered.filter(**{f"{key}__gt": key_of(page[-1])})[:size])
