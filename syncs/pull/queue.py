"""Read the queue that a game fills while it cannot reach GRPS over HTTP.

Items are deleted after they were applied. After a crash in between they are read again, which
changes nothing, since their events are stored already. So do the items of a reading in which an
event is ahead of our clock, until its time comes: they can only be deleted together.
"""

import datetime as dt
import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
import structlog
from django.db import transaction

from players.points.event_parser import MAX_EVENTS, BadBatch, ItemResult, parse
from players.points.ingestion import ingest
from roblox import cloud
from roblox.models import Experience
from roblox.open_cloud import queues
from syncs.models import Drift

HIDDEN = 120  # seconds that read items stay hidden from others: longer than applying takes
PATIENCE = dt.timedelta(days=1)  # events that are further ahead of our clock are not waited for
EXCERPT = 2000  # characters of an item that cannot be read

log = structlog.get_logger("grps.queue")


def drain(experience: Experience, *, now: dt.datetime) -> int:
    """Apply the next items of an experience's queue and return their number.

    If one has to wait, all of them stay in the queue and are hidden for HIDDEN seconds.

    Raises OpenCloudError, NotConfigured.
    """
    universe = cloud.universe(experience)
    read = queues.read(universe.client, universe.id, universe.queue, hidden=HIDDEN)
    if not read.data:
        return 0
    waiting = [_apply(experience, item, now) for item in read.data].count(True)
    if not waiting:
        queues.discard(universe.client, universe.id, universe.queue, read.read_id)
    cloud.register_use(universe.client)
    log.info("queue drained", experience=experience.key, items=len(read.data), waiting=waiting)
    return len(read.data)


def _apply(experience: Experience, item: Any, now: dt.datetime) -> bool:
    """Apply an item: the body of a `POST /roblox/events`. A broken one is stored for staff.

    Return whether it has events to apply later.
    """
    body = item.encode() if isinstance(item, str) else msgspec.json.encode(item)
    try:
        batch = parse(body, now)
    except BadBatch as error:
        _store_broken(experience, body, str(error), now)
        return False
    # Those that are refused also by a later clock.
    wrong = parse(body, now + PATIENCE).rejected if batch.rejected else []
    if wrong:
        _store_broken(experience, body, _reason(wrong), now)
    ingest(experience.key, batch, now=now)
    return len(batch.rejected) > len(wrong)


def _reason(wrong: Sequence[ItemResult]) -> str:
    first = "; ".join(f"events[{verdict.index}]: {verdict.detail}" for verdict in wrong[:10])
    return f"{len(wrong)} of at most {MAX_EVENTS} events were refused: {first}"


def _store_broken(experience: Experience, body: bytes, reason: str, now: dt.datetime) -> None:
    subject = f"queue:{hashlib.sha256(body).hexdigest()[:32]}"
    seen = {
        "theirs": body[:EXCERPT].decode("utf-8", "replace"),
        "detail": reason[:1000],
        "last_seen_at": now,
    }
    with transaction.atomic():
        Drift.objects.update_or_create(
            aspect=Drift.Aspect.ENTRY,
            experience=experience,
            subject=subject,
            resolved_at=None,
            defaults=seen,
            create_defaults=seen | {"first_seen_at": now},
        )
