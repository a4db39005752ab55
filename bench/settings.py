"""The project's settings without throttles and request logs, and with a bare view to compare."""

from grps_site.settings import *  # noqa: F403

ROOT_URLCONF = "bench.urls"
THROTTLE_PUBLIC_PER_MINUTE = 0
THROTTLE_WRITE_PER_MINUTE = 0
LOG_REQUESTS = False
