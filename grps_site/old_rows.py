"""Delete rows that nothing reads any more. `retention.py` says how long each table keeps its rows."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from django.db.models import Max, QuerySet

from discord.models import PendingInteraction
from grps_site.models import Heartbeat
from players.experiences.origins import SPLIT
from players.models import ActiveDay, ActiveMinutes, Claim, GuardTrip, MemberReport, Simulation
from syncs.models import Drift, SyncJob

DAY = dt.timedelta(days=1)


def delete(now: dt.datetime) -> int:
    """Delete the old rows of all tables without a task of their own. Return their number."""
    return sum(rows.delete()[0] for rows in _old(now))


def _old(now: dt.datetime) -> Iterator[QuerySet[Any]]:
    # The last job of each kind says since when something was read.
    kinds = SyncJob.objects.values("activity", "experience")
    last = kinds.annotate(last=Max("pk")).values("last")
    yield SyncJob.objects.filter(finished_at__lt=now - 90 * DAY).exclude(pk__in=last)
    yield Drift.objects.filter(resolved_at__lt=now - 90 * DAY)
    yield Simulation.objects.filter(finished_at__lt=now - 30 * DAY)
    yield GuardTrip.objects.filter(ended_at__lt=now - 30 * DAY)
    yield Claim.objects.filter(until__lt=now - DAY)
    yield PendingInteraction.objects.filter(received_at__lt=now - DAY)
    counted = ActiveMinutes.objects.exclude(origin__contains=SPLIT)
    yield counted.filter(day__lt=(now - 40 * DAY).date())
    yield ActiveMinutes.objects.filter(day__lt=(now - 400 * DAY).date())
    yield ActiveDay.objects.filter(day__lt=(now - 400 * DAY).date())
    yield MemberReport.objects.filter(decided_at__lt=now - 400 * DAY)
    # Of a worker that was renamed or is gone for good. Metrics would report it for ever.
    yield Heartbeat.objects.filter(seen_at__lt=now - DAY)
