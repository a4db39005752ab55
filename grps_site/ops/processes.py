"""Which of GRPS's processes this one is."""

import os
import sys

QUEUES = {"syncs": "sync-worker", "webhooks": "webhook-worker"}


def service() -> str:
    """Return the name of the service in logs, from GRPS_SERVICE or the command line."""
    return os.environ.get("GRPS_SERVICE") or f"grps-{role()}"


def role() -> str:
    """Return web, worker, sync-worker, webhook-worker, beat or command."""
    program, *arguments = sys.argv or [""]
    if program.endswith("grps_site/server/__main__.py"):
        return "web"
    if "celery" not in program:
        return "command"
    if "beat" in arguments:
        return "beat"
    return _worker(arguments) if "worker" in arguments else "command"


def runs_tasks() -> bool:
    """Return whether this process belongs to a worker or beat."""
    return role() not in {"web", "command"}


def _worker(arguments: list[str]) -> str:
    for option, following in zip(arguments, [*arguments[1:], ""], strict=True):
        name, _, value = option.partition("=")
        if name in {"--queues", "-Q"}:
            return QUEUES.get(value or following, "worker")
    return "worker"
