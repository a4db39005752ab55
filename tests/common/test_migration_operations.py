import threading
import time

import psycopg
import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations.state import ProjectState
from django.db.models import Index

from common.migration_operations import AddIndexPatiently
from tests.conftest import database_url

VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'made_by_a_test'::regclass"


@pytest.mark.django_db(transaction=True)
def test_an_index_is_built_behind_a_long_transaction_and_after_a_broken_try() -> None:
    index = Index(fields=["level"], name="made_by_a_test")
    operation = AddIndexPatiently("rank", index)
    state = ProjectState.from_apps(apps)
    with connection.cursor() as cursor:
        cursor.execute("CREATE INDEX made_by_a_test ON ranks (name)")  # left by a broken try
        cursor.execute("SET lock_timeout = '200ms'")
    with psycopg.connect(database_url()) as reader:
        reader.execute("SELECT count(*) FROM ranks")
        end = threading.Timer(1.0, reader.rollback)
        end.start()
        start = time.monotonic()
        with connection.schema_editor(atomic=False) as editor:
            operation.database_forwards("players", editor, state, state)
        assert time.monotonic() - start > 0.5
    with connection.cursor() as cursor:
        cursor.execute(VALID)
        assert cursor.fetchone() == (True,)
        cursor.execute("DROP INDEX made_by_a_test")
        cursor.execute("SHOW lock_timeout")  # that `migrate` set, for the next migration
        assert cursor.fetchone() == ("200ms",)
        cursor.execute("RESET lock_timeout")
