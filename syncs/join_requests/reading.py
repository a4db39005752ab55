"""Read the open join requests of the group, and what their accounts are.

It calls Roblox, so never call it inside a transaction.
"""

import datetime as dt

import structlog
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from common import advisory_lock
from common.database_clock import database_time
from roblox.cloud import Group
from roblox.open_cloud import groups, users
from roblox.open_cloud.errors import OpenCloudError, RetryDecision
from roblox.open_cloud.groups import JoinRequestRead
from syncs.models import JoinRequest

LOCK = 4_710_041  # advisory lock: one listing at a time is stored
MOST_PAGES = 50  # of 20 requests, which is a thousand calls of a budget of minutes
ACCOUNTS = 50  # read at once

log = structlog.get_logger("grps.join_requests")
NO_DECISION = {"decision": "", "decided_by": "", "decided_at": None, "reason": "", "done_at": None}


def read(group: Group) -> int:
    """Store the open requests and the names of new applicants; return how many are open.

    A request that a whole listing lacks is gone: withdrawn, or decided on Roblox. Raises
    OpenCloudError if Roblox does not list them.
    """
    asked_at = database_time()
    found, complete = _listed(group)
    with transaction.atomic():
        advisory_lock.lock(LOCK)
        _store(group.id, found, asked_at)
        if complete:
            missing = JoinRequest.objects.filter(group_id=group.id, gone_at=None)
            missing.filter(seen_at__lt=asked_at).update(gone_at=asked_at)
    _read_accounts(group)
    return len(found)


def _listed(group: Group) -> tuple[list[JoinRequestRead], bool]:
    """Return the open requests, and whether these are all."""
    found: list[JoinRequestRead] = []
    token = ""
    for _ in range(MOST_PAGES):
        page, token = groups.join_requests(group.client, group.id, token)
        found += page
        if not token:
            return found, True
    return found, False


def _store(group_id: int, found: list[JoinRequestRead], asked_at: dt.datetime) -> None:
    present = {
        row.user_id: row
        for row in JoinRequest.objects.select_for_update().filter(
            group_id=group_id, user_id__in=[one.user_id for one in found]
        )
    }
    for one in found:
        row = present.get(one.user_id) or JoinRequest(group_id=group_id, user_id=one.user_id)
        if row.pk and row.seen_at > asked_at:
            continue  # a later listing was stored already
        if row.asked_at != one.asked_at or row.request_id != one.id:
            for name, value in NO_DECISION.items():
                setattr(row, name, value)
        row.request_id, row.asked_at = one.id, one.asked_at
        row.seen_at, row.gone_at = asked_at, None
        row.save()


def _read_accounts(group: Group) -> None:
    """Read accounts that are not known yet, those that were asked for least lately first.

    An account that Roblox does not give now is asked for again after the others.
    """
    unknown = JoinRequest.objects.filter(group_id=group.id, gone_at=None, account_made_at=None)
    for row in unknown.order_by(F("account_asked_at").asc(nulls_first=True), "pk")[:ACCOUNTS]:
        JoinRequest.objects.filter(pk=row.pk).update(account_asked_at=Now())
        try:
            user = users.get(group.client, row.user_id)
        except OpenCloudError as error:
            log.warning("an applicant's account is not known", request=row.pk, error=str(error))
            if error.about_key or error.decision is RetryDecision.WAIT:
                return  # the others would get the same answer
            continue
        if user is not None:
            JoinRequest.objects.filter(pk=row.pk).update(
                username=user.name[:40], account_made_at=user.create_time
            )
