"""Count and store uses of previous secrets, so that an overlap can be closed safely."""

import time
from collections.abc import Sequence

import structlog
from django.db import Error, connection, transaction
from prometheus_client import Counter

from common import metric_errors

USED = Counter("grps_secret_previous_used", "Uses of the previous value of a secret", ["name"])
EVERY = 60.0  # seconds between two writes of one process for one secret
NOTE = """
    INSERT INTO previous_secret_uses (name, used_at) VALUES (%s, clock_timestamp())
    ON CONFLICT (name) DO UPDATE SET used_at = clock_timestamp()"""

_noted: dict[str, float] = {}
log = structlog.get_logger("grps.secrets")


def any_match(name: str, matches: Sequence[bool]) -> bool:
    """Return whether a value of a secret matched. `matches`: one for each value, newest first."""
    if any(matches) and not matches[0]:
        used(name)
    return any(matches)


def used(name: str) -> None:
    """Count a use of the previous value of the secret `name`, and store its time."""
    with metric_errors.tolerated():
        USED.labels(name).inc()
    moment = time.monotonic()
    if moment - _noted.get(name, -EVERY) < EVERY:
        return
    _noted[name] = moment
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(NOTE, [name])
    except Error as error:
        # The call that used the secret goes on. The next one after EVERY tries again.
        log.warning("the use of a previous secret was not stored", secret=name, error=str(error))
