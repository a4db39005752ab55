"""Find operations of migrations that block a running system or break the last release's code.

docs/database.md ("Change the schema") says what to write instead.
"""

import re
from collections.abc import Iterator

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db.migrations import Migration, operations
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import Field

# Their rows grow with every event.
BIG = frozenset(
    {
        *("ledger", "players", "sessions", "daily_points", "player_records"),
        *("audits", "audit_personal", "sealed_events", "seals"),
        *("webhook_deliveries", "webhook_attempts"),
    }
)
INDEX = re.compile(
    r"CREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY).*? ON (?:ONLY )?\"?(\w+)", re.I | re.S
)
ALTER = re.compile(r"ALTER TABLE (?:IF EXISTS |ONLY )*\"?(\w+)\"?\s+([^;]*)", re.I)
RENAME = re.compile(r"\bRENAME\b", re.I)
SLOW = re.compile(
    r"\b(TYPE|SET NOT NULL|(?:ADD CONSTRAINT|ADD CHECK|ADD FOREIGN)(?!.*NOT VALID))\b", re.I | re.S
)
RENAMES = (operations.RenameField, operations.RenameModel, operations.AlterModelTable)


def findings(migration: Migration, before: ProjectState) -> Iterator[str]:
    """Yield what is wrong with a migration. `before` is the state that it starts from."""
    state = before.clone()
    for operation in migration.operations:
        after = state.clone()
        operation.state_forwards(migration.app_label, after)
        yield from _of(operation, migration.app_label, state, after)
        state = after


def _of(operation: Operation, app: str, state: ProjectState, after: ProjectState) -> Iterator[str]:
    if isinstance(operation, RENAMES):
        yield "a rename breaks the last release: add, copy, and remove in a later release"
    elif isinstance(operation, operations.RunSQL):
        yield from _of_sql(str(operation.sql))
    elif isinstance(operation, operations.AddField) and not _has_default(operation):
        yield f"{operation.name} is NOT NULL without db_default: the last release cannot insert"
    elif isinstance(operation, operations.AlterField):
        yield from _of_change(operation, app, state, after)
    elif _table(operation, app, state) in BIG:
        if isinstance(operation, operations.AddIndex) and not isinstance(
            operation, AddIndexConcurrently
        ):
            yield "an index of a big table is built by AddIndexPatiently"
        if isinstance(operation, operations.AddConstraint):
            yield "a constraint of a big table is added as NOT VALID, then validated"


def _has_default(operation: operations.AddField) -> bool:
    field = operation.field
    return (
        field.null or field.has_db_default() or field.many_to_many or hasattr(field, "expression")
    )


def _of_change(
    operation: operations.AlterField, app: str, state: ProjectState, after: ProjectState
) -> Iterator[str]:
    key = (app, operation.model_name_lower)
    old, new = (one.models[key].fields[operation.name] for one in (state, after))
    if _form(old) != _form(new) or (old.max_length or 0) > (new.max_length or 0) > 0:
        yield f"{operation.name} changes its type: the table is rewritten, or the last release fails"
    if old.null and not new.null:
        yield f"{operation.name} becomes NOT NULL: validate a constraint first"


def _form(field: Field) -> tuple[object, ...]:
    _, path, _, options = field.deconstruct()
    return path, options.get("max_digits"), options.get("decimal_places")


def _table(operation: Operation, app: str, state: ProjectState) -> str:
    name = getattr(operation, "model_name", "")
    model = state.models.get((app, name.lower())) if name else None
    return str(model.options.get("db_table", "")) if model else ""


def _of_sql(sql: str) -> Iterator[str]:
    for table in INDEX.findall(sql):
        if table.lower() in BIG:
            yield f"an index of {table} is built CONCURRENTLY"
    for table, action in ALTER.findall(sql):
        if RENAME.search(action):
            yield f"a rename in {table} breaks the last release"
        if table.lower() in BIG and SLOW.search(action):
            yield f"ALTER TABLE {table} reads or rewrites the whole table"
