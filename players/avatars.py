"""Headshots of listed players, kept for a day. A worker fetches those that somebody asked for."""

import datetime as dt
from collections.abc import Mapping

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from httpcore import ConnectionPool

from common import database_clock
from players.models import Avatar, Player
from roblox import thumbnails
from roblox.thumbnails import BadPicture, Headshot, NotDrawn, Picture, ThumbnailsUnavailable

LASTS = dt.timedelta(hours=24)
FORGOTTEN = 2 * LASTS  # nobody asked for it since it became old
LEASE = dt.timedelta(minutes=5)  # longer than a batch takes
AGAIN = dt.timedelta(seconds=10)  # Roblox is still drawing it; doubled each time
MOST_ATTEMPTS = 8
UNFINISHED = frozenset({"Pending", "TemporarilyUnavailable"})
BATCH = 50

log = structlog.get_logger("grps.avatars")


def picture(user_id: int) -> Picture | None:
    """Return the headshot of a listed player, None if there is none (yet).

    Has a missing or old one looked up by the worker.
    """
    if not settings.AVATARS:
        return None
    player = Player.objects.filter(user_id=user_id, listed=True).only("pk").first()
    if player is None:
        return None
    avatar, _ = Avatar.objects.get_or_create(player=player)
    if avatar.checked_at is not None and avatar.checked_at < database_clock.now() - LASTS:
        Avatar.objects.filter(pk=avatar.pk, due_at=None).update(due_at=Now(), attempts=0)
    return Picture(avatar.media_type, bytes(avatar.image)) if avatar.image else None


def fetch_due() -> int:
    """Fetch up to BATCH headshots that are due, and delete old ones. Return the number fetched.

    One call asks for all of them. While AVATARS is off everything is deleted.
    """
    old = Avatar.objects.all()
    if settings.AVATARS:
        old = old.filter(checked_at__lt=database_clock.now() - FORGOTTEN)
    old.delete()
    claimed = _claim() if settings.AVATARS else {}
    if not claimed:
        return 0
    try:
        return _fetch(claimed, thumbnails.lookup(list(claimed)))
    except ThumbnailsUnavailable as error:
        log.warning("headshots are unavailable", error=str(error))
        pause = dt.timedelta(seconds=error.wait)
        unfinished = Avatar.objects.filter(player__user_id__in=claimed, due_at__isnull=False)
        unfinished.update(due_at=database_clock.now() + pause)
        return 0


def _claim() -> dict[int, Avatar]:
    """Return due headshots by user id. Other workers leave them alone until the lease ends."""
    with transaction.atomic():
        due = Avatar.objects.filter(due_at__lte=Now(), player__listed=True)
        rows = due.select_for_update(skip_locked=True, of=("self",)).select_related("player")
        found = {row.player.user_id: row for row in rows.order_by("due_at")[:BATCH]}
        Avatar.objects.filter(pk__in=[row.pk for row in found.values()]).update(
            due_at=database_clock.now() + LEASE, attempts=F("attempts") + 1
        )
    return found


def _fetch(claimed: Mapping[int, Avatar], known: Mapping[int, Headshot]) -> int:
    fetched = 0
    with thumbnails.connections() as pool:
        for user_id, avatar in claimed.items():
            try:
                found = _picture(pool, known.get(user_id))
            except NotDrawn:
                found = None
                if avatar.attempts + 1 < MOST_ATTEMPTS:
                    again = database_clock.now() + AGAIN * 2**avatar.attempts
                    Avatar.objects.filter(pk=avatar.pk).update(due_at=again)
                    continue
            fetched += _store(user_id, avatar, found)
    return fetched


def _picture(pool: ConnectionPool, headshot: Headshot | None) -> Picture | None:
    if headshot and headshot.state in UNFINISHED:
        raise NotDrawn(f"Its state is {headshot.state}.")
    if headshot is None or headshot.state != "Completed" or not headshot.image_url:
        return None
    try:
        return thumbnails.fetch(pool, headshot.image_url)
    except BadPicture as error:
        log.warning("headshot refused", error=str(error))
        return None


def _store(user_id: int, avatar: Avatar, found: Picture | None) -> bool:
    """Store a headshot, or that there is none. An erased or unlisted player gets neither."""
    rows = Avatar.objects.filter(pk=avatar.pk, player__user_id=user_id, player__listed=True)
    stored = rows.update(
        image=found.body if found else None,
        media_type=found.media_type if found else "",
        checked_at=database_clock.now(),
        due_at=None,
        attempts=0,
    )
    return bool(stored and found)
