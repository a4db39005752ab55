"""Each of the tests' processes has a numbered database of Valkey of its own: none takes up what
another one left.
"""

import os
from urllib.parse import urlsplit

number = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
for name in ("REDIS_URL", "CELERY_BROKER_URL"):
    if os.environ.get(name, "").startswith("redis"):
        os.environ[name] = urlsplit(os.environ[name])._replace(path=f"/{number}").geturl()
