"""What Roblox and GRPS say differently: noted when it is seen, closed when they agree, settled by
staff.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from audits.actions import Action
from audits.record import Actor, Entry, Target, record, record_many
from common.errors import Refused
from players.active_policy import active
from players.discipline import sanctions
from players.membership.status import can_be_asked
from players.models import Player, Sanction
from players.moderation.actors import Staff
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
    """One thing that differs. `subject` finds it again: a user id, an entry's key, a rank's name."""

    aspect: Drift.Aspect
    subject: str
    ours: Any
    theirs: Any
    detail: str = ""
    player_id: int | None = None


def note(
    differences: Iterable[Difference],
    *,
    experience: Experience | None,
    job: SyncJob | None,
    now: dt.datetime,
    actor: Actor | None = None,
) -> int:
    """Write down what differs; how many are new. Seen again, a difference keeps since when it is
    there.

    `actor`: who saw it, where that is no job.
    """
    seen_by = job.pk if job else None
    fresh: list[Entry] = []
    for one in differences:
        seen = {
            "ours": one.ours,
            "theirs": one.theirs,
            "detail": one.detail,
            "last_seen_at": now,
            "seen_by": seen_by,
        }
        drift, created = Drift.objects.update_or_create(
            aspect=one.aspect,
            experience=experience,
            subject=one.subject[:80],
            resolved_at=None,
            defaults=seen,
            create_defaults=seen | {"player_id": one.player_id, "first_seen_at": now},
        )
        if created:
            fresh.append(
                Entry(
                    Action.DRIFT_FOUND,
                    actor=job_actor(job) if job else actor or MEMBERSHIPS,
                    target=Target("drift", str(drift.pk), ""),
                    experience=experience.key if experience else "",
                    details={"aspect": str(one.aspect), "job": seen_by},
                )
            )
    record_many(fresh)
    return len(fresh)


def agree(
    aspect: Drift.Aspect,
    subjects: Iterable[str],
    *,
    experience: Experience | None,
    now: dt.datetime,
) -> int:
    """Close the differences that are none any more; how many there were."""
    return (
        Drift.objects.filter(aspect=aspect, experience=experience, resolved_at=None, subject__in=list(subjects))
        .update(resolved_at=now, resolution=Drift.Resolution.AGREED)
    )  # fmt: skip


def agree_unseen(
    aspect: Drift.Aspect, *, experience: Experience | None, job: SyncJob, now: dt.datetime
) -> int:
    """Close the differences that a job which looked at everything did not see."""
    unseen = Drift.objects.filter(aspect=aspect, experience=experience, resolved_at=None).filter(
        Q(seen_by=None) | ~Q(seen_by=job.pk)
    )
    return unseen.update(resolved_at=now, resolution=Drift.Resolution.AGREED)


def adopt(drift_id: int, *, by: Staff, reason: str, now: dt.datetime, name: str = "") -> Drift:
    """Take over what Roblox says. `name`: the username of somebody who is no player yet. Raises
    Refused.

    It is in force there already: no second person is needed, and it is no act that the guard
    counts.
    """
    with audit_refusals("adopt", _user_id(drift_id), by), transaction.atomic():
        drift = _open(drift_id, reason)
        if drift.aspect == Drift.Aspect.ROLE:
            rank = (drift.theirs or {}).get("rank")
            if not rank:
                raise Refused("They hold no rank's role there; push ours, or give a rank by hand.")
            _check_pin(rank)
            _adopt_role(drift, rank, by, reason, now)
        elif drift.aspect == Drift.Aspect.RESTRICTION:
            _adopt_restriction(drift, by, reason, now, name)
        else:
            raise Refused(
                f"A difference of {drift.get_aspect_display()} cannot be adopted: mend it where it is."
            )
        return _resolve(drift, Drift.Resolution.THEIRS, by, reason, now)


def push(drift_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Drift:
    """Let Roblox be written as GRPS says. Raises Refused."""
    with transaction.atomic():
        drift = _open(drift_id, reason)
        if drift.aspect == Drift.Aspect.ROLE:
            player = _player(drift, "")
            _check_pin(player.rank.name)
            mirrors.again(Mirror.Aspect.ROLE, player, None)
        elif drift.aspect == Drift.Aspect.RESTRICTION:
            player = _player(drift, str(drift.subject))
            mirrors.again(
                Mirror.Aspect.RESTRICTION, player, drift.experience, otherwise={"active": False}
            )
        else:
            raise Refused(
                f"A difference of {drift.get_aspect_display()} cannot be pushed: mend it where it is."
            )
        return _resolve(drift, Drift.Resolution.OURS, by, reason, now)


def _check_pin(rank: str) -> None:
    """Refuse what would follow from a parked role. Raises Refused."""
    why = pins.why_parked(settings.ROBLOX_GROUP_ID, rank)
    if why:
        raise Refused(f"The role of {rank} is parked: pin it anew first. {why}")


def _adopt_role(drift: Drift, rank: str, by: Staff, reason: str, now: dt.datetime) -> None:
    """The rank; where it is the punishment's, a suspension as long as the policy says."""
    user_id, policy = int(drift.subject), active()
    there = policy.bundle.by_name.get(rank)
    held = policy.ranks.get(_player(drift, "").rank_id)
    if there is not None and there.is_punishment:
        source = Sanction.Source.ROBLOX
        sanctions.suspend(
            user_id,
            Command(by=by, reason=reason, now=now, source=source, counts_toward_limit=False),
        )
    elif held is not None and held.is_punishment:
        raise Refused("The player is suspended here: push ours, or lift the suspension first.")
    else:
        decisions.set_rank(
            user_id, rank, Command(by=by, reason=reason, now=now, counts_toward_limit=False)
        )


def _adopt_restriction(drift: Drift, by: Staff, reason: str, now: dt.datetime, name: str) -> None:
    player = _player(drift, name or drift.subject)
    theirs: Mapping[str, Any] = drift.theirs or {}
    if theirs.get("active"):
        until = dt.datetime.fromisoformat(theirs["until"]) if theirs.get("until") else None
        if until is not None and until <= now:
            raise Refused("The restriction there has ended by itself meanwhile.")
        sanctions.ban(
            player.user_id,
            Command(
                by=by,
                reason=reason,
                now=now,
                source=Sanction.Source.ROBLOX,
                counts_toward_limit=False,
            ),
            until=until,
            alt_accounts=theirs.get("altAccounts") is not False,
        )
    else:
        sanctions.unban(
            player.user_id,
            Command(
                by=by,
                reason=reason,
                now=now,
                source=Sanction.Source.ROBLOX,
                counts_toward_limit=False,
            ),
        )
    mirrors.confirm_as_is(Mirror.Aspect.RESTRICTION, player, drift.experience, now)


def _user_id(drift_id: int) -> int | None:
    """Whom a difference is about, where it is about a player."""
    about = Drift.objects.filter(
        pk=drift_id, aspect__in=[Drift.Aspect.ROLE, Drift.Aspect.RESTRICTION]
    )
    subject = about.values_list("subject", flat=True).first()
    return int(subject) if subject else None


def _player(drift: Drift, name: str) -> Player:
    player = Player.objects.filter(user_id=int(drift.subject)).first()
    if player is not None:
        return player
    if not name:
        raise Refused(f"No player has the user id {drift.subject}.")
    policy = active()
    moment = drift.first_seen_at
    made, _ = Player.objects.get_or_create(
        user_id=int(drift.subject),
        defaults={
            "username": name[:50],
            "rank_id": policy.rank_ids[policy.bundle.first.name],
            "rank_since": moment,
            "named_at": moment,
            "listed": not can_be_asked(),
        },
    )
    return made


def _open(drift_id: int, reason: str) -> Drift:
    if not reason.strip():
        raise Refused("A reason is required: say why in a sentence.")
    # The player first: a pull that sees them holds them when it writes what differs.
    user_id = _user_id(drift_id)
    if user_id is not None:
        Player.objects.select_for_update(no_key=True).filter(user_id=user_id).first()
    drift = (
        Drift.objects.select_for_update(of=("self",))
        .select_related("experience")
        .filter(pk=drift_id)
        .first()
    )
    if drift is None:
        raise Refused(f"There is no difference {drift_id}.")
    if drift.resolved_at is not None:
        raise Refused(f"The difference is settled already ({drift.resolution}).")
    return drift


def _resolve(
    drift: Drift, how: Drift.Resolution, by: Staff, reason: str, now: dt.datetime
) -> Drift:
    drift.resolved_at, drift.resolution = now, how
    drift.save(update_fields=["resolved_at", "resolution"])
    record(
        Action.DRIFT_RESOLVED,
        actor=by.actor,
        target=Target("drift", str(drift.pk), ""),
        reason=reason,
        experience=drift.experience.key if drift.experience else "",
        details={"aspect": str(drift.aspect), "resolution": str(how)},
    )
    return drift


def job_actor(job: SyncJob) -> Actor:
    return Actor("system", f"sync-{job.activity}", f"sync {job.pk}")
