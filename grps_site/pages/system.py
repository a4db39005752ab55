"""The system page: health, versions, audit chain and pending work."""

import platform
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path

from audits import queries
from audits.models import Seal
from audits.streams import publisher
from common import database_clock
from common.environment import BASE_DIR
from console.decorators import page, render
from grps_site.ops import health, metric_sources
from roblox import write_hold
from syncs.membership import group_log

PACKAGES = ("Django", "djangorestframework", "celery", "django-allauth", "psycopg", "uvicorn")

# Labels of the rows of `metric_sources.WAITING`.
LABELS = {
    "mirrors": "writes to Roblox",
    "sync_jobs": "sync jobs",
    "drifts": "differences from Roblox",
    "deliveries": "webhook deliveries",
    "endpoints": "webhook endpoints",
    "erasures": "erasure orders",
}
SEALS = 10


@dataclass(frozen=True, slots=True)
class Switch:
    """A setting that changes what GRPS does, and its state."""

    name: str
    state: str
    tone: str


@page("console.system")
def system(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute(metric_sources.STATE)
        unsealed, seal_age, proposed, unfolded = cursor.fetchone()
        cursor.execute(metric_sources.WAITING)
        waiting = [
            (LABELS.get(what, what), state, count) for what, state, count in cursor.fetchall()
        ]
        cursor.execute("SELECT version(), pg_database_size(current_database())")
        server, size = cursor.fetchone()
    figures = [
        ("audit events", "not sealed yet", unsealed),
        ("rank decisions", "proposed", proposed),
        ("leaderboard moves", "not folded yet", unfolded),
    ]
    return render(
        request,
        "console/system.html",
        "System",
        checks=health.run(health.DEEP),
        waiting=[row for row in [*figures, *waiting] if row[2]],
        versions=[
            *versions(),
            ("PostgreSQL", server.split(" on ")[0]),
            ("Database", f"{size / 2**20:,.0f} MB"),
        ],
        seals=list(Seal.objects.order_by("-number")[:SEALS]),
        seal_age=float(seal_age) if seal_age is not None else None,
        head=queries.head(),
        streams=publisher.statuses(),
        switches=switches(),
        now=database_clock.now(),
    )


def versions() -> list[tuple[str, str]]:
    """Return our revision, and the versions of Python and of the main packages."""
    packages = [(name, version(name)) for name in PACKAGES]
    return [("GRPS", revision()), ("Python", platform.python_version()), *packages]


@cache
def revision() -> str:
    """Return the running commit, or `not a checkout` for a copy without .git."""
    try:
        found = subprocess.run(
            ["git", "-C", str(BASE_DIR), "describe", "--always", "--dirty"],
            capture_output=True,
            text=True,
            timeout=5,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "not a checkout"
    return found.stdout.strip() or "not a checkout"


def switches() -> list[Switch]:
    """Return the settings that staff should know, with their states."""
    return [
        _switch("Writing to Roblox (ROBLOX_WRITES)", not write_hold.why_off()),
        _switch("Turnstile on public forms", bool(settings.TURNSTILE_SECRET)),
        _switch("Signed calls", bool(settings.AUTOMATION_SIGNATURE_SECRET)),
        _switch("Webhooks from Roblox", bool(settings.ROBLOX_WEBHOOK_SECRET)),
        _switch("Encryption of endpoints' secrets", bool(settings.FIELD_ENCRYPTION_KEYS)),
        _switch("Automatic promotions", settings.INTEGRATIONS.features.automatic_promotions),
        _group_log(),
        Switch("Open Cloud", settings.OPEN_CLOUD_URL, "quiet"),
    ]


def _group_log() -> Switch:
    """Return whether the group's log is read, or why it cannot be read."""
    name, problem = "The group's log on Roblox", group_log.problem(settings.ROBLOX_GROUP_ID)
    if problem:
        return Switch(name, problem, "warning")
    on = settings.ROBLOX_GROUP_ID is not None and settings.INTEGRATIONS.sync.follow_group_log
    return Switch(name, "followed" if on else "off", "good" if on else "quiet")


def _switch(name: str, on: bool) -> Switch:
    return Switch(name, "on" if on else "off", "good" if on else "warning")


urls = [path("admin/system/", system, name="system")]
