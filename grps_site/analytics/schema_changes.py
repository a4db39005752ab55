"""Keep the views and the publication through a migration.

While a view or a publication names a column, PostgreSQL refuses to drop it or to change its type.
With CASCADE it drops the view too, and takes the table out of the publication.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, connection, transaction
from psycopg import errors

from grps_site.analytics import publication, roles, views
from grps_site.ops import portal_role

CHANGES = re.compile(r"(?!ALTER PUBLICATION).*\b(ALTER|DROP)\s+TABLE\b", re.IGNORECASE | re.DOTALL)
BLOCKED = (errors.DependentObjectsStillExist, errors.FeatureNotSupported)


class Guard:
    """Runs each statement that changes a table, and puts back what it took away.

    Both happen in one transaction, so the publication misses no change of a row.
    """

    def __init__(self) -> None:
        self.changed: set[str] = set()  # published tables that were taken out and put back

    def __call__(self, execute: Callable[..., Any], statement: str, *rest: Any) -> Any:
        """Wrap the execution of a statement (`connection.execute_wrapper`)."""
        text = str(statement)
        if not CHANGES.match(text):
            return execute(statement, *rest)
        with transaction.atomic():
            published, shown = publication.tables(), views.are_applied()
            named = {table: columns for table, columns in published.items() if table in text}
            result = _unblocked(lambda: execute(statement, *rest), named)
            missing = published.keys() - publication.tables().keys()
            if missing:
                self.changed |= publication.put_back({table: published[table] for table in missing})
            if shown:
                _renew_views()
        return result


@contextmanager
def allowed() -> Iterator[Guard]:
    """Let migrations change published columns in this block."""
    guard = Guard()
    if not publication.exists() and not views.are_applied():
        yield guard
        return
    with connection.execute_wrapper(guard):
        yield guard
    _renew_views()


def refresh_advice(tables: set[str]) -> str:
    return (
        f"Published tables were changed: {', '.join(sorted(tables))}. Run `manage.py analytics"
        " warehouse` for each warehouse, or there `ALTER SUBSCRIPTION grps_analytics REFRESH"
        " PUBLICATION`."
    )


def _unblocked(run: Callable[[], Any], published: publication.Columns) -> Any:
    try:
        with transaction.atomic():
            return run()
    except DatabaseError as error:
        if not isinstance(error.__cause__, BLOCKED):
            raise
    publication.take_out(published)
    views.drop()
    return run()


def _renew_views() -> None:
    if views.apply() and portal_role.exists(roles.group()):
        roles.grant()
