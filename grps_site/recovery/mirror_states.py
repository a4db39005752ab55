"""Take back what the mirrors know of Roblox, and give it to them again after the comparison."""

from django.db.models import F, QuerySet
from django.db.models.functions import Now

from grps_site.recovery.roblox_entries import Compared
from roblox.models import Experience
from syncs.models import Drift, Mirror

# Roblox answers a repeated idempotency key, which holds the version, with what it did before.
JUMP = 1_000_000
NOT_COMPARED = "The database was restored from a backup. This was not compared with Roblox yet."
DIFFERS = (
    "After the backup Roblox got something else. `manage.py sync drift` shows both: adopt or push."
)
Status = Mirror.Status


def unconfirm() -> int:
    """Park every mirror, and return their number. Roles of people who left rest as before.

    `confirmed` stays: it says what Roblox showed at the time of the backup.
    """
    Mirror.objects.filter(status=Status.RESTING).update(version=F("version") + JUMP)
    return Mirror.objects.exclude(status=Status.RESTING).update(
        version=F("version") + JUMP,
        status=Status.PARKED,
        reason=NOT_COMPARED,
        attempts=0,
        lease="",
        lease_until=None,
    )


def settle_entries(compared: Compared) -> None:
    _confirm(Mirror.objects.filter(pk__in=compared.same))
    _queue(Mirror.objects.filter(pk__in=compared.ours))
    for pk, reason in compared.theirs.items():
        Mirror.objects.filter(pk=pk).update(status=Status.PARKED, reason=reason)


def settle_restrictions(experience: Experience) -> int:
    """Confirm the bans of a compared experience, but park those that differ. Return their number."""
    rows = Mirror.objects.filter(aspect=Mirror.Aspect.RESTRICTION, experience=experience)
    differing = _differing(Drift.Aspect.RESTRICTION, experience)
    parked = rows.filter(player__user_id__in=differing)
    parked.update(status=Status.PARKED, reason=DIFFERS)
    _confirm(rows.filter(reason=NOT_COMPARED))
    return len(differing)


def settle_roles() -> int:
    """Park the roles that differ on Roblox, also if a rank changed meanwhile. Return their number."""
    rows = Mirror.objects.filter(aspect=Mirror.Aspect.ROLE)
    differing = _differing(Drift.Aspect.ROLE, None)
    rows.filter(player__user_id__in=differing).update(status=Status.PARKED, reason=DIFFERS)
    return len(differing)


def _differing(aspect: Drift.Aspect, experience: Experience | None) -> list[int]:
    rows = Drift.objects.filter(aspect=aspect, experience=experience, resolved_at=None)
    return [int(subject) for subject in rows.values_list("subject", flat=True)]


def _confirm(rows: QuerySet[Mirror]) -> None:
    rows.update(
        status=Status.CONFIRMED,
        reason="",
        confirmed=F("desired"),
        confirmed_version=F("version"),
        confirmed_at=Now(),
    )


def _queue(rows: QuerySet[Mirror]) -> None:
    rows.update(status=Status.PENDING, reason="", retry_at=Now())
