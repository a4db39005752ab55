from collections.abc import Callable

import pytest
from django.db import OperationalError
from psycopg import errors

from common import retry

DEADLOCK = errors.DeadlockDetected("deadlock detected")
AWAY = errors.AdminShutdown("terminating connection")


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(retry.time, "sleep", found.append)
    return found


def failing(times: int, cause: Exception) -> tuple[Callable[[int], int], list[int]]:
    calls: list[int] = []

    @retry.on_contention
    def double(number: int) -> int:
        calls.append(number)
        if len(calls) <= times:
            raise OperationalError("failed") from cause
        return 2 * number

    return double, calls


@pytest.mark.parametrize("cause", [DEADLOCK, errors.SerializationFailure("could not serialize")])
def test_contention_is_tried_again_after_growing_pauses(
    cause: Exception, pauses: list[float]
) -> None:
    double, calls = failing(4, cause)
    assert double(21) == 42
    assert calls == [21] * 5
    assert pauses == [0.04, 0.08, 0.16, 0.32]


def test_the_fifth_failure_is_raised(pauses: list[float]) -> None:
    double, calls = failing(5, DEADLOCK)
    with pytest.raises(OperationalError):
        double(21)
    assert (len(calls), len(pauses)) == (5, 4)


def test_another_fault_of_the_database_is_raised_at_once(pauses: list[float]) -> None:
    double, calls = failing(1, AWAY)
    with pytest.raises(OperationalError):
        double(21)
    assert (calls, pauses) == ([21], [])
