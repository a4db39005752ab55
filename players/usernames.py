"""Look up names at Roblox for players whose name is in doubt. Roblox's answer counts.

Games request that by the names in their events (`players.points.renames`).
"""

import datetime as dt
import secrets

import structlog
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from common import database_clock
from players.models import NameCheck, Player
from roblox import cloud
from roblox.open_cloud import users
from roblox.open_cloud.errors import OpenCloudError

LEASE = dt.timedelta(seconds=40)
AGAIN = dt.timedelta(minutes=1)  # after a failed call, doubled each time
AT_ONCE = 20  # players in one claim

log = structlog.get_logger("grps.names")


def check_due(count: int = AT_ONCE) -> int:
    """Look up the doubtful names at Roblox, and return the number of answers.

    Returns 0 if no Open Cloud key is configured.
    """
    client = cloud.any_client()
    if client is None:
        return 0
    answered = 0
    for check in _claim(count):
        try:
            user = users.get(client, check.player.user_id) if check.player.user_id > 0 else None
        except OpenCloudError as error:
            _postpone(check, error)
            continue
        _answer(check, user, database_clock.now())
        answered += 1
    return answered


def _claim(count: int) -> list[NameCheck]:
    token = secrets.token_hex(16)
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    with transaction.atomic():
        due = NameCheck.objects.filter(free, answered_at=None, retry_at__lte=Now())
        found = list(
            due.select_for_update(skip_locked=True, no_key=True, of=("self",))
            .select_related("player")
            .order_by("retry_at", "pk")[:count]
        )
        keys = [check.pk for check in found]
        NameCheck.objects.filter(pk__in=keys).update(
            lease=token, lease_until=database_clock.now() + LEASE
        )
    for check in found:
        check.lease = token
    return found


def _postpone(check: NameCheck, error: OpenCloudError) -> None:
    log.warning("name not told", player=check.player_id, error=str(error))
    pause = AGAIN * 2 ** min(check.attempts, 6)
    NameCheck.objects.filter(pk=check.pk, lease=check.lease).update(
        lease="",
        lease_until=None,
        attempts=check.attempts + 1,
        retry_at=database_clock.now() + pause,
    )


def _answer(check: NameCheck, user: users.User | None, now: dt.datetime) -> None:
    """Store Roblox's answer. The name stays if Roblox knows no such user."""
    with transaction.atomic():
        player = Player.objects.select_for_update(no_key=True).get(pk=check.player_id)
        done = NameCheck.objects.filter(pk=check.pk, lease=check.lease, answered_at=None)
        if not done.update(answered_at=now, lease="", lease_until=None, attempts=0):
            return
        if user is None or not user.name or player.user_id != check.player.user_id:
            return
        Player.objects.filter(pk=player.pk).update(
            username=user.name[:50], display_name=user.display_name[:50], named_at=now
        )
