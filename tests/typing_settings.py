"""Settings for the type checker. It connects to nothing, so any values will do."""

import os

os.environ.update(
    GRPS_ENV="development",
    DJANGO_SECRET_KEY="for types only, never for requests, fifty characters",
    AUDIT_SIGNING_KEY="A" * 43 + "=",
    AUDIT_SEAL_FILE="unused",
    DATABASE_URL="postgresql://types@localhost/types",
    REDIS_URL="redis://localhost",
)

from grps_site.settings import *  # noqa: F403
