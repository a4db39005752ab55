"""The project's settings with one more address, a bare view to compare with, and nothing that would
throttle a load.
"""

from grps_site.settings import *  # noqa: F403

ROOT_URLCONF = "bench.urls"
THROTTLE_PUBLIC_PER_MINUTE = 0
THROTTLE_WRITE_PER_MINUTE = 0
LOG_REQUESTS = False
