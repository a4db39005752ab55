"""Requests that need a second person."""

import datetime as dt
from typing import Any

from console import navigation
from console.queue.base import Item, WorkKind, approve_or_reject
from players.bulk.row_executor import BULK_JOBS
from players.mass_adjustments.lifecycle import ADJUSTMENTS
from players.models import Approval
from players.moderation import approvals
from players.moderation.actors import Staff, is_local


class Requests(WorkKind):
    name, title, right = "requests", "Approvals", "players.view_approval"

    def waiting(self, by: Staff, now: dt.datetime) -> list[Any]:
        return [_waiting()]

    def items(self, by: Staff, now: dt.datetime, after: int, limit: int) -> list[Item]:
        rows = _waiting().filter(pk__gt=after).order_by("pk")
        return [_item(row, by) for row in rows.select_related("player")[:limit]]


def _waiting() -> Any:
    """Return pending requests, without adjustments from files, which are a separate kind."""
    return Approval.objects.filter(status=Approval.Status.WAITING).exclude(act=ADJUSTMENTS.approval)


def _item(row: Approval, by: Staff) -> Item:
    own = by.is_person(row.requested_by)
    confirmable, address = approvals.confirmable(row), navigation.approval(row.pk)
    about = (
        navigation.player(row.player.user_id) if row.player and row.player.user_id > 0 else address
    )
    if row.act == BULK_JOBS.approval:
        about = navigation.bulk_job(row.arguments["job"])
    return Item(
        kind=Requests.name,
        key=str(row.pk),
        title=approvals.sentence(row),
        sentence=f"{_whose(row, own)}{row.reason}",
        since=row.created_at,
        link=about,
        tone="quiet" if own and not confirmable else "warning",
        acts=_acts(row, own, address),
        decides=not own,
    )


def _acts(row: Approval, own: bool, address: str) -> tuple[tuple[str, str], ...]:
    if own:
        return (("Confirm" if approvals.confirmable(row) else "Withdraw", address),)
    return approve_or_reject(address)


def _whose(row: Approval, own: bool) -> str:
    if own and row.experience:
        return f"You are named as who did this in {row.experience}. "
    if own:
        return "You asked for it; somebody else decides. "
    if is_local(row.requested_by):
        return "Asked for by an unlinked local owner. "
    return f"Brought by a game server of {row.experience}. " if row.experience else ""
