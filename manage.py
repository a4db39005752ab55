#!/usr/bin/env python
import os
import sys
import uuid

import structlog
from django.core.management import execute_from_command_line

from common import tracing

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "grps_site.settings")
    tracing.bind(f"command-{uuid.uuid4().hex}")
    structlog.contextvars.bind_contextvars(task=" ".join(["manage.py", *sys.argv[1:2]]))
    execute_from_command_line(sys.argv)
