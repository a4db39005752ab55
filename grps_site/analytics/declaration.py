"""config/analytics.json: which columns a warehouse may read."""

from pathlib import Path

import msgspec

from common import environment
from grps_site import integrations

NEVER = "never"  # the class of a column that stays in GRPS


class Table(msgspec.Struct, frozen=True):
    """A published table. `columns`: the class of each column. `cursor`: see the schema."""

    columns: dict[str, str]
    cursor: str = ""

    def published(self) -> tuple[str, ...]:
        return tuple(name for name, kind in self.columns.items() if kind != NEVER)


class Declaration(msgspec.Struct, frozen=True):
    """The published tables, and those of which nothing is published."""

    tables: dict[str, Table]
    never: tuple[str, ...]

    def is_published(self, table: str, column: str) -> bool:
        return table in self.tables and column in self.tables[table].published()

    def is_classed(self, table: str, column: str) -> bool:
        return table in self.never or (
            table in self.tables and column in self.tables[table].columns
        )


def load(path: Path) -> Declaration:
    """Read the file and check it against its schema. Exits with the place of an error."""
    declaration = msgspec.convert(integrations.checked_document(path), Declaration)
    for name, table in declaration.tables.items():
        if name in declaration.never:
            environment.stop(f"{path.name}: $.never: {name} is in $.tables too. Keep one of them.")
        if not table.published():
            environment.stop(
                f"{path.name}: $.tables.{name}: publish a column, or move it to never."
            )
        if table.cursor and table.cursor not in table.published():
            environment.stop(
                f"{path.name}: $.tables.{name}.cursor: {table.cursor} is not a published column."
            )
    return declaration
