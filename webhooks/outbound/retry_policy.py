"""When a try follows another, from the retry policy of config/backend.integrations.json."""

import random

from django.conf import settings

LONGEST_WAIT = 86_400.0  # seconds; what a receiver asks for beyond it is not honoured
LONGEST_PAUSE = 3600.0  # seconds in which nothing goes to an endpoint because it asked for a pause


def tries() -> int:
    return int(settings.INTEGRATIONS.retry.attempts)


def delay(tried: int, wait: float = 0.0) -> float | None:
    """Seconds until the next try after `tried` of them, not before `wait`; None when there is none."""
    if tried >= tries():
        return None
    steps = settings.INTEGRATIONS.retry.schedule_seconds
    jitter = settings.INTEGRATIONS.retry.jitter
    planned = steps[min(tried, len(steps)) - 1] * random.uniform(1 - jitter, 1 + jitter)  # noqa: S311 - not a secret
    return max(planned, min(wait, LONGEST_WAIT))
