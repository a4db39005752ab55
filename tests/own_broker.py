"""Give each test process its own numbered Valkey database, so that they share no messages."""

import os
from urllib.parse import urlsplit

number = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
for name in ("REDIS_URL", "CELERY_BROKER_URL"):
    if os.environ.get(name, "").startswith("redis"):
        os.environ[name] = urlsplit(os.environ[name])._replace(path=f"/{number}").geturl()
