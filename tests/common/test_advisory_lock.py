"""Advisory locks, checked from a second connection."""

from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection, transaction

from common import advisory_lock

pytestmark = pytest.mark.django_db(transaction=True)
NUMBER, NAME = 4_719_999, "a name of a test"


@pytest.fixture
def other() -> Iterator[psycopg.Connection[tuple[bool]]]:
    with psycopg.connect(**connection.get_connection_params(), autocommit=True) as found:
        yield found


def free(other: psycopg.Connection[tuple[bool]], key: advisory_lock.Key, kind: str = "") -> bool:
    """Return whether the other connection could take the lock. It releases the lock at once."""
    argument = "hashtextextended(%s, 0)" if isinstance(key, str) else "%s"
    row = other.execute(f"SELECT pg_try_advisory_xact_lock{kind}({argument})", [key]).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("key", [NUMBER, NAME])
def test_a_lock_is_held_until_the_transaction_ends(
    key: advisory_lock.Key, other: psycopg.Connection[tuple[bool]]
) -> None:
    with transaction.atomic():
        advisory_lock.lock(key)
        assert not free(other, key)
        assert free(other, f"not {key}")
    assert free(other, key)


def test_shared_holders_keep_out_only_who_wants_it_alone(
    other: psycopg.Connection[tuple[bool]],
) -> None:
    with transaction.atomic():
        advisory_lock.lock_shared(NUMBER)
        assert free(other, NUMBER, kind="_shared")
        assert not free(other, NUMBER)


@pytest.mark.parametrize("key", [NUMBER, NAME])
def test_trying_says_whether_the_lock_was_free(
    key: advisory_lock.Key, other: psycopg.Connection[tuple[bool]]
) -> None:
    with transaction.atomic():
        assert advisory_lock.try_lock(key)
        assert not free(other, key)
    with other.transaction():
        assert free(other, key)  # held until the other's block ended
        with transaction.atomic():
            assert not advisory_lock.try_lock(key)
