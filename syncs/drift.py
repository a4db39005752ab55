"""Differences between Roblox and GRPS: store them, close those that are gone, resolve them."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from audits.actions import Action
from audits.record import Actor, NewEvent, Target, record, record_many
from common.errors import Refused
from common.visible_text import clean_name
from players.active_policy import active
from players.discipline import sanctions
from players.membership.status import can_be_asked
from players.models import Player, Sanction
from players.moderation.command import Command
from players.moderation.refusals import audit_refusals
from players.ranks import decisions
from roblox.models import Experience
from syncs.models import Drift, Mirror, SyncJob
from syncs.push import mirrors
from syncs.roles import pins

MEMBERSHIPS = Actor("system", "memberships", "memberships")


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. `subject` identifies it: a user id, an entry's key, a rank's name."""

    aspect: Drift.Aspect
    subject: str
    ours: Any
    theirs: Any
    detail: str = ""
    player_id: int | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """The time and place of a search for differences. `experience` None: the group."""

    now: dt.datetime
    experience: Experience | None = None
    job: SyncJob | None = None
    actor: Actor = MEMBERSHIPS

    def open(self, aspect: Drift.Aspect) -> QuerySet[Drift]:
        """Return the open differences of this aspect in this place."""
        return Drift.objects.filter(aspect=aspect, experience=self.experience, resolved_at=None)


def register(differences: Iterable[Difference], sighting: Sighting) -> int:
    """Store differences, with the time of the first sighting, and return the number of new ones."""
    new = [entry for one in differences if (entry := _register(one, sighting)) is not None]
    record_many(new)
    return len(new)


def _register(difference: Difference, sighting: Sighting) -> NewEvent | None:
    """Store a difference and return its audit event, None if it was known."""
    experience, job = sighting.experience, sighting.job
    seen = {
        "ours": difference.ours,
        "theirs": difference.theirs,
        "detail": difference.detail,
        "last_seen_at": sighting.now,
        "seen_by": job.pk if job else None,
    }
    first = {"player_id": difference.player_id, "first_seen_at": sighting.now}
    row, created = Drift.objects.update_or_create(
        aspect=difference.aspect,
        experience=experience,
        subject=difference.subject[:80],
        resolved_at=None,
        defaults=seen,
        create_defaults=seen | first,
    )
    if not created:
        return None
    return NewEvent(
        Action.DRIFT_FOUND,
        actor=job_actor(job) if job else sighting.actor,
        target=_target(row),
        experience=experience.key if experience else "",
        details={"aspect": str(difference.aspect), "job": seen["seen_by"]},
    )


def agree(aspect: Drift.Aspect, subjects: Iterable[str], sighting: Sighting) -> int:
    """Close the differences of subjects that agree now, and return their number."""
    rows = sighting.open(aspect).filter(subject__in=list(subjects))
    return rows.update(resolved_at=sighting.now, resolution=Drift.Resolution.AGREED)


def agree_unseen(aspect: Drift.Aspect, sighting: Sighting) -> int:
    """Close the differences that a complete job did not see, and return their number."""
    job = sighting.job
    rows = sighting.open(aspect).filter(Q(seen_by=None) | ~Q(seen_by=job.pk if job else None))
    return rows.update(resolved_at=sighting.now, resolution=Drift.Resolution.AGREED)


def adopt(drift_id: int, command: Command, name: str = "") -> Drift:
    """Adopt the state of Roblox. Raises Refused.

    No second person is needed and no limit counts it, since Roblox is in this state already. `name`
    is the username of a user who is no player yet.
    """
    with audit_refusals("adopt", _user_id(drift_id), command.by), transaction.atomic():
        row = _locked(drift_id, command)
        adopting = replace(command, source=Sanction.Source.ROBLOX, counts_toward_limit=False)
        if row.aspect == Drift.Aspect.ROLE:
            _adopt_role(row, adopting)
        elif row.aspect == Drift.Aspect.RESTRICTION:
            _adopt_restriction(row, adopting, name)
        else:
            raise Refused(f"{_name(row)} cannot be adopted: fix it at its source.")
        return _resolve(row, Drift.Resolution.THEIRS, command)


def push(drift_id: int, command: Command) -> Drift:
    """Push the state of GRPS to Roblox. Raises Refused."""
    with transaction.atomic():
        row = _locked(drift_id, command)
        if row.aspect == Drift.Aspect.ROLE:
            player = _player(row)
            _check_pin(player.rank.name)
            mirrors.push_again(Mirror.Aspect.ROLE, player)
        elif row.aspect == Drift.Aspect.RESTRICTION:
            player = _player(row, row.subject)
            mirrors.push_again(Mirror.Aspect.RESTRICTION, player, row.experience)
        else:
            raise Refused(f"{_name(row)} cannot be pushed: fix it at its source.")
        return _resolve(row, Drift.Resolution.OURS, command)


def _check_pin(rank: str) -> None:
    """Raise Refused if the rank's role is parked."""
    why = pins.why_parked(settings.ROBLOX_GROUP_ID, rank)
    if why:
        raise Refused(f"The role of {rank} is parked: pin it anew first. {why}")


def _adopt_role(row: Drift, command: Command) -> None:
    """Set the rank. For the punishment's rank, suspend the player for the policy's duration."""
    name = (row.theirs or {}).get("rank")
    if not name:
        raise Refused("They hold no rank's role there; push ours, or give a rank by hand.")
    _check_pin(name)
    user_id, policy = int(row.subject), active()
    theirs, ours = policy.bundle.by_name.get(name), policy.ranks.get(_player(row).rank_id)
    if theirs is not None and theirs.is_punishment:
        sanctions.suspend(user_id, command)
    elif ours is not None and ours.is_punishment:
        raise Refused("The player is suspended here: push ours, or lift the suspension first.")
    else:
        decisions.set_rank(user_id, name, command)


def _adopt_restriction(row: Drift, command: Command, name: str) -> None:
    player = _player(row, name or row.subject)
    theirs: Mapping[str, Any] = row.theirs or {}
    if theirs.get("active"):
        until = dt.datetime.fromisoformat(theirs["until"]) if theirs.get("until") else None
        if until is not None and until <= command.now:
            raise Refused("The restriction on Roblox has ended by now.")
        alt_accounts = theirs.get("altAccounts") is not False
        sanctions.ban(player.user_id, command, until=until, alt_accounts=alt_accounts)
    else:
        sanctions.unban(player.user_id, command)
    mirrors.confirm_as_is(Mirror.Aspect.RESTRICTION, player, row.experience, command.now)


def _user_id(drift_id: int) -> int | None:
    """Return the user id of a difference about a player, None for other differences."""
    aspects = [Drift.Aspect.ROLE, Drift.Aspect.RESTRICTION]
    rows = Drift.objects.filter(pk=drift_id, aspect__in=aspects)
    subject = rows.values_list("subject", flat=True).first()
    return int(subject) if subject else None


def _player(row: Drift, name: str = "") -> Player:
    """Return the player. A missing one is created with `name`; without it Refused is raised."""
    name = clean_name(name)
    player = Player.objects.filter(user_id=int(row.subject)).first()
    if player is not None:
        return player
    if not name:
        raise Refused(f"No player has the user id {row.subject}.")
    policy = active()
    created, _ = Player.objects.get_or_create(
        user_id=int(row.subject),
        defaults={
            "username": name,
            "rank_id": policy.rank_ids[policy.bundle.first.name],
            "rank_since": row.first_seen_at,
            "named_at": row.first_seen_at,
            "listed": not can_be_asked(),
        },
    )
    return created


def _locked(drift_id: int, command: Command) -> Drift:
    """Lock an open difference. Raises Refused if it is resolved, or if the reason is missing."""
    if not command.reason.strip():
        raise Refused("A reason is required: say why in a sentence.")
    # The player is locked first, in the same order as in a pull.
    user_id = _user_id(drift_id)
    if user_id is not None:
        Player.objects.select_for_update(no_key=True).filter(user_id=user_id).first()
    rows = Drift.objects.select_for_update(of=("self",)).select_related("experience")
    row = rows.filter(pk=drift_id).first()
    if row is None:
        raise Refused(f"There is no difference {drift_id}.")
    if row.resolved_at is not None:
        raise Refused(f"The difference is resolved already ({row.resolution}).")
    return row


def _resolve(row: Drift, resolution: Drift.Resolution, command: Command) -> Drift:
    row.resolved_at, row.resolution = command.now, resolution
    row.save(update_fields=["resolved_at", "resolution"])
    record(
        Action.DRIFT_RESOLVED,
        actor=command.by.actor,
        target=_target(row),
        reason=command.reason,
        experience=row.experience.key if row.experience else "",
        details={"aspect": str(row.aspect), "resolution": str(resolution)},
    )
    return row


def _name(row: Drift) -> str:
    return f"A difference of {row.get_aspect_display()}"


def _target(row: Drift) -> Target:
    return Target("drift", str(row.pk), "")


def job_actor(job: SyncJob) -> Actor:
    return Actor("system", f"sync-{job.activity}", f"sync {job.pk}")
