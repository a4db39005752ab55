"""Personal data in the site's tables, Valkey, the broker and the logs, and how it is deleted."""

from players.personal_data import HASH, LIST
from players.privacy.registry import impersonal, place

BEAT = "the schedule of periodic tasks, which bootstrap writes"

impersonal("nonces", HASH, "nonce")
impersonal("heartbeats", LIST, "name")
impersonal("heartbeats", "seconds by which a clock differs", "clock_skew")
impersonal("beat_lease", HASH, "lease")
impersonal("secret_fingerprints", LIST, "name")
impersonal("secret_fingerprints", HASH, "fingerprint")
impersonal("previous_secret_uses", LIST, "name")
impersonal("django_celery_beat_intervalschedule", BEAT, "period")
impersonal("django_celery_beat_solarschedule", BEAT, "event")
impersonal(
    "django_celery_beat_crontabschedule",
    BEAT,
    *("minute", "hour", "day_of_week", "day_of_month", "month_of_year", "timezone"),
)
impersonal(
    "django_celery_beat_periodictask",
    BEAT,
    *(
        "name",
        "task",
        "args",
        "kwargs",
        "queue",
        "exchange",
        "routing_key",
        "description",
        "headers",
    ),
)

place(
    "Valkey: throttles and budgets",
    holds="keyed hashes of addresses; what a key of Open Cloud has used",
    forgets="by itself, two minutes after the last call; an hour for budgets",
)
place(
    "the broker of tasks",
    holds="names of tasks, and the id of the request that gave one; no argument is a person",
    forgets="a task is gone when a worker takes it, or after a minute",
)
place(
    "logs of the processes",
    holds="routes, not addresses; no names; numbers of six digits and more are masked",
    forgets="nothing is there; keep them for weeks all the same",
)
