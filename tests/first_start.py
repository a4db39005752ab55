"""The rows that a first start writes, inserted for each test by one statement.

`bootstrap` runs once per process and per set of universes in the environment. Its rows are kept as
SQL. Times are those of the test.
"""

import os

from django.core.management import call_command
from django.db import connection, transaction
from psycopg import sql

from players import active_policy

BY_MIGRATE = {"django_content_type", "auth_permission", "django_migrations"}
DATED = {
    "audits": ("at",),
    "policy_activations": ("activated_at",),
    "policy_versions": ("created_at", "activated_at"),
}
# Without triggers and foreign keys: the rows are consistent.
QUIET = "SET LOCAL session_replication_role = replica"
ORDINARY = "SET LOCAL session_replication_role = origin"

UNIVERSES = ("ROBLOX_UNIVERSE_ID", "ROBLOX_TRAINING_UNIVERSE_ID")

_rows: dict[tuple[str, ...], str] = {}


def bootstrap() -> None:
    """Fill an empty database as a first start does."""
    universes = tuple(os.environ.get(name, "") for name in UNIVERSES)
    if universes not in _rows:
        call_command("bootstrap", quiet=True)
        _rows[universes] = "; ".join([QUIET, *_kept(), ORDINARY])
        return
    active_policy._loaded.cache_clear()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_rows[universes])


def _kept() -> list[str]:
    statements = []
    with connection.cursor() as cursor:
        for table in sorted(set(connection.introspection.table_names(cursor)) - BY_MIGRATE):
            name = sql.Identifier(table).as_string()
            # As text, since columns of type `json` keep their exact text, which the audit log
            # hashes.
            cursor.execute(f"SELECT json_agg(t)::text FROM {name} t")
            rows = cursor.fetchone()[0]
            if rows:
                rows_of = f"json_populate_recordset(NULL::{name}, {sql.Literal(rows).as_string()})"
                statements.append(f"INSERT INTO {name} SELECT * FROM {rows_of}")
            if rows and table in DATED:
                now = ", ".join(f"{column} = now()" for column in DATED[table])
                statements.append(f"UPDATE {name} SET {now}")
    return statements
