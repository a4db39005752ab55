"""Write decided join requests to Roblox.

Accepting or declining twice does no harm: the second time Roblox knows no such request.
"""

import datetime as dt

import structlog
from django.db.models.functions import Now

from common import database_clock
from common.leases import backoff, claim, hold
from players.policy.join_requests import JoinDecision
from roblox import write_hold
from roblox.cloud import Group
from roblox.open_cloud import groups
from roblox.open_cloud.errors import OpenCloudError, RetryDecision
from syncs.join_requests import decisions
from syncs.models import JoinRequest

AT_ONCE = 20
HOPELESS = dt.timedelta(hours=1)  # until a call that Roblox refuses is tried again

log = structlog.get_logger("grps.join_requests")


def write(group: Group) -> int:
    """Write due decisions; return how many are done. Nothing while writes are off or held."""
    if write_hold.why_off():
        return 0
    due = JoinRequest.objects.filter(group_id=group.id, done_at=None).exclude(decision="")
    return sum(_write_one(group, row) for row in claim(due, AT_ONCE))


def _write_one(group: Group, row: JoinRequest) -> bool:
    accept = row.decision == JoinDecision.ACCEPT
    if accept and decisions.declined_since(row.pk, database_clock.now()):
        accept = False
    try:
        groups.decide_join_request(group.client, group.id, row.request_id, accept=accept)
    except OpenCloudError as error:
        if not error.missing:
            _put_off(row, error)
            return False
    hold(row).update(
        done_at=Now(), gone_at=Now(), problem="", attempts=0, lease="", lease_until=None
    )
    return True


def _put_off(row: JoinRequest, error: OpenCloudError) -> None:
    log.warning("a join request is not decided on Roblox", request=row.pk, error=str(error))
    if error.decision is RetryDecision.GIVE_UP:
        wait = HOPELESS
    elif error.decision is RetryDecision.WAIT:
        wait = backoff(0, base=max(2.0, error.retry_after or 10.0))
    else:
        wait = backoff(row.attempts)
    hold(row).update(
        problem=str(error)[:500],
        attempts=row.attempts + 1,
        retry_at=database_clock.now() + wait,
        lease="",
        lease_until=None,
    )
