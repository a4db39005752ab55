"""Time roll-ups of the database at DATABASE_URL: a line of input asks for one.

python -m bench.roll_up PLAYERS
"""

import os
import subprocess
import sys
import time

import django

from common.environment import BASE_DIR

CHANGED = 500  # players that change before each roll-up


class RollUps:
    """The roll-ups of one database, in a process of their own."""

    def __init__(self, environment: dict[str, str], players: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.roll_up", str(players)],
            env={**os.environ, **environment},
            cwd=BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self) -> float:
        """Return the seconds of one roll-up of changed players."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def end(self) -> None:
        self.process.communicate()


def main(players: int) -> None:
    django.setup()
    numbers = iter(range(0, 10**12, CHANGED))
    for _ in sys.stdin:
        print(
            _seconds([(next(numbers) + n) * 7919 % players + 1 for n in range(CHANGED)]), flush=True
        )


def _seconds(ids: list[int]) -> float:
    from django.utils import timezone

    from players.models import Player
    from players.statistics import roll_up

    Player.objects.filter(pk__in=ids).update(updated_at=timezone.now())
    started = time.perf_counter()
    roll_up.run(timezone.now())
    return time.perf_counter() - started


if __name__ == "__main__":
    main(int(sys.argv[1]))
