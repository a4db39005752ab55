"""API keys of experiences: requested by one owner, approved by another, created on collection.

A key's text exists only in the response that shows it, so the key is created only then.
"""

import datetime as dt
from typing import Any

from django.db import transaction

from common.errors import Refused
from players.models import Approval
from players.moderation import approval_types, approvals
from players.moderation.actors import Staff
from players.moderation.approval_types import ApprovalRequest
from players.moderation.command import Command
from roblox import keys
from roblox.models import Experience, ExperienceKey

CREATE, ROTATE = "key.create", "key.rotate"
COLLECTED_WITHIN = dt.timedelta(hours=24)  # afterwards the requester has to ask again
OVERLAPS = {1: "1 hour", 24: "1 day", 72: "3 days"}  # hours for which the former keys remain valid


def ask(
    act: str,
    experience: Experience,
    arguments: dict[str, Any],
    *,
    by: Staff,
    reason: str,
    now: dt.datetime,
) -> Approval:
    """Request a new key (CREATE) or the rotation of the live ones (ROTATE). Raises Refused."""
    if not experience.enabled:
        raise Refused(f"{experience.key} is switched off; a key would open nothing.")
    return approvals.request_approval(
        ApprovalRequest(
            act,
            arguments={"experience": experience.key} | arguments,
            once=f"key of {experience.key}",
        ),
        Command(by=by, reason=reason, now=now),
    )


def waiting() -> list[Approval]:
    """Return open requests of all experiences. `arguments["experience"]` is the experience's key."""
    return list(
        Approval.objects.filter(act__in=[CREATE, ROTATE], status=Approval.Status.WAITING).order_by(
            "pk"
        )
    )


def ready(by: Staff, now: dt.datetime) -> list[Approval]:
    """Return approved requests of this person that are not collected yet."""
    approved = Approval.objects.filter(
        act__in=[CREATE, ROTATE],
        status=Approval.Status.APPROVED,
        requested_by__in=by.persons,
        decided_at__gt=now - COLLECTED_WITHIN,
    )
    return list(approved.exclude(arguments__has_key="key").order_by("pk"))


def collect(approval_id: int, *, by: Staff, now: dt.datetime) -> tuple[ExperienceKey, str]:
    """Create the approved key; return it and its text, which is shown once. Raises Refused."""
    with transaction.atomic():
        found = (
            Approval.objects.select_for_update(no_key=True)
            .filter(pk=approval_id, act__in=[CREATE, ROTATE])
            .first()
        )
        if found is None or found.status != Approval.Status.APPROVED or found.decided_at is None:
            raise Refused("No key was approved by this.")
        if not by.is_person(found.requested_by):
            raise Refused("Somebody else asked for it; only they can collect it.")
        if "key" in found.arguments:
            raise Refused("It was collected already; ask for another one.")
        if now - found.decided_at > COLLECTED_WITHIN:
            raise Refused("It was approved more than a day ago; ask again.")
        experience = Experience.objects.get(key=found.arguments["experience"])
        key, raw = _make(found, experience, by, now)
        found.arguments |= {"key": key.prefix}
        found.save(update_fields=["arguments"])
        return key, raw


@approval_types.executes(CREATE, entitled=lambda by: by.has("console.secrets"))
@approval_types.executes(ROTATE, entitled=lambda by: by.has("console.secrets"))
def _let_collect(approval: Approval, requester: Staff, approver: Staff, now: dt.datetime) -> None:
    """Create nothing yet; `collect` creates the key."""


def _make(
    found: Approval, experience: Experience, by: Staff, now: dt.datetime
) -> tuple[ExperienceKey, str]:
    if found.act == ROTATE:
        overlap = dt.timedelta(hours=found.arguments["overlapHours"])
        return keys.rotate(experience, actor=by.actor, overlap=overlap)
    days = found.arguments.get("days")
    return keys.create(
        experience, actor=by.actor, expires_at=now + dt.timedelta(days=days) if days else None
    )
