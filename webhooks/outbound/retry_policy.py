"""The delays between attempts, by the retry policy in config/backend.integrations.json."""

import random

from django.conf import settings

LONGEST_WAIT = 86_400.0  # seconds; a longer wait that a receiver requests is cut
LONGEST_PAUSE = 3600.0  # seconds; the longest pause that an endpoint can request


def max_attempts() -> int:
    return int(settings.INTEGRATIONS.retry.attempts)


def delay(attempts: int, wait: float = 0.0) -> float | None:
    """Return the seconds from attempt `attempts` to the next, at least `wait`. None after the last."""
    if attempts >= max_attempts():
        return None
    steps = settings.INTEGRATIONS.retry.schedule_seconds
    jitter = settings.INTEGRATIONS.retry.jitter
    planned = steps[min(attempts, len(steps)) - 1] * random.uniform(1 - jitter, 1 + jitter)  # noqa: S311 - not a secret
    return max(planned, min(wait, LONGEST_WAIT))
