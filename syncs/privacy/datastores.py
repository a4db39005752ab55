"""Erase users from the data stores: the game's entry and index, and GRPS's own entry and board.

An interrupted step is repeated. If an entry cannot be deleted, the order waits with a reason, until
it works or a person confirms the deletion by hand (`players.privacy.orders.done_by_hand`).
"""

import datetime as dt

import structlog
from django.db.models.functions import Now

from common import database_clock
from common.leases import LONGEST_LEASE, LeaseLost, backoff, claim, hold, renew
from players.models import ErasureOrder
from players.privacy import orders
from roblox import cloud, write_hold
from roblox.models import Experience
from roblox.open_cloud import data_stores
from roblox.open_cloud.errors import OpenCloudError, RetryDecision

# Renewed before each experience: five calls, each of which may wait for its rate limit.
LEASE = LONGEST_LEASE
AGAIN = dt.timedelta(minutes=10)  # a game saves its copy of a player's data every few minutes
SWITCHED_OFF = dt.timedelta(minutes=1)
MISCONFIGURED = dt.timedelta(minutes=10)  # until a key or a setting is checked again

log = structlog.get_logger("grps.erasures")


class SwitchedOff(Exception):
    """Writing is switched off. The text names the switch."""


def step(now: dt.datetime | None = None) -> bool:
    """Continue one due erasure order. Returns False if there was none."""
    held = claim(ErasureOrder.objects.filter(status=ErasureOrder.Status.OPEN), 1, LEASE)
    if not held:
        return False
    order = held[0]
    orders.carry_out(order.pk)
    try:
        _go_on(order, now or database_clock.now())
    except LeaseLost:
        log.warning("another process has the erasure order by now", order=order.pk)
    return True


def _go_on(order: ErasureOrder, now: dt.datetime) -> None:
    """Delete the user in each remaining experience, then close the order or reschedule it."""
    troubles: dict[str, Exception] = {}
    for experience in orders.left(order):
        last = orders.looked_at(order, experience.key)
        if last is not None and now - last < AGAIN:
            continue
        renew(order, LEASE)
        try:
            found = _delete(experience, order.user_id or 0)
        except (SwitchedOff, cloud.NotConfigured, OpenCloudError) as error:
            troubles[experience.key] = error
            continue
        orders.looked(order.pk, {experience.key: found}, now=now)
    after = orders.looked(order.pk, {}, now=now)
    if after is not None and after.status == ErasureOrder.Status.OPEN:
        _put_off(order, troubles)


def _delete(experience: Experience, user_id: int) -> bool:
    """Delete a user's entries and return whether there were any.

    The index is deleted first: a pull that finds an index line without its entry would report an
    error. Raises SwitchedOff, NotConfigured, OpenCloudError.
    """
    if why := write_hold.why_off():
        raise SwitchedOff(why)
    if not experience.writes:
        raise SwitchedOff(f"writing to it is off (`manage.py sync writes {experience.key} on`)")
    there = cloud.universe(experience)
    client, key = there.client, there.key(user_id)
    # An index names players by their user id or by their entry's key.
    ordered = [(there.index, name) for name in (str(user_id), key)] + [(there.board, str(user_id))]
    removed = [
        data_stores.remove_ordered(client, store, name)
        for store, name in ordered
        if store is not None
    ]
    removed.append(data_stores.remove(client, there.store, key))
    removed.append(data_stores.remove(client, there.own, there.own_key(user_id)))
    cloud.register_use(client)
    return any(removed)


def _put_off(order: ErasureOrder, troubles: dict[str, Exception]) -> None:
    if not troubles:
        _wait(order, "The data stores are checked once more.", AGAIN, attempts=0)
        return
    reason = "; ".join(f"{key}: {error}" for key, error in troubles.items())
    pauses = [_pause(error, order.attempts) for error in troubles.values()]
    _wait(order, reason, min(pauses), attempts=order.attempts + 1)
    log.warning("an erasure waits", order=order.pk, experiences=sorted(troubles))


def _pause(error: Exception, attempts: int) -> dt.timedelta:
    if isinstance(error, SwitchedOff):
        return SWITCHED_OFF
    if isinstance(error, OpenCloudError) and error.decision is RetryDecision.WAIT:
        return backoff(0, base=max(2.0, error.retry_after or 10.0))
    if isinstance(error, OpenCloudError) and error.decision is RetryDecision.RETRY:
        return backoff(attempts, base=5.0)
    return MISCONFIGURED


def _wait(order: ErasureOrder, reason: str, pause: dt.timedelta, *, attempts: int) -> None:
    hold(order).update(
        reason=reason, retry_at=Now() + pause, attempts=attempts, lease="", lease_until=None
    )
