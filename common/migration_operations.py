"""Operations of migrations that a busy database can take."""

from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently


class AddIndexPatiently(AddIndexConcurrently):
    """Builds an index while others write (for migrations with `atomic = False`).

    It waits for as long as older transactions run, in spite of the lock timeout of `migrate`. What
    an interrupted build left, which is never used and always kept up to date, is dropped first.
    """

    def database_forwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        name = schema_editor.quote_name(self.index.name)
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            (before,) = cursor.fetchone()
        schema_editor.execute("SET lock_timeout = 0")
        try:
            schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            super().database_forwards(app_label, schema_editor, *states)
        finally:  # the next migration waits as briefly as those before
            schema_editor.execute(f"SET lock_timeout = '{before}'")
