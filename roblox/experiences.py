"""Create and change experiences as the configuration says, with an audit event."""

from dataclasses import dataclass

from django.db import transaction

from audits.actions import Action
from audits.record import Actor, Target, record
from roblox.models import Experience


@dataclass(frozen=True, slots=True)
class ConfiguredExperience:
    key: str
    name: str
    universe_id: int | None


def ensure(configured: ConfiguredExperience, *, actor: Actor) -> bool:
    """Create or update an experience. Returns whether something changed."""
    with transaction.atomic():
        experience, created = Experience.objects.select_for_update().get_or_create(
            key=configured.key,
            defaults={"name": configured.name, "universe_id": configured.universe_id},
        )
        before = {"name": experience.name, "universeId": experience.universe_id}
        after = {"name": configured.name, "universeId": configured.universe_id}
        if not created and before == after:
            return False
        if not created:
            Experience.objects.filter(pk=experience.pk).update(
                name=configured.name, universe_id=configured.universe_id
            )
        record(
            Action.EXPERIENCE_CREATED if created else Action.EXPERIENCE_CHANGED,
            actor=actor,
            target=Target("experience", configured.key, ""),
            experience=configured.key,
            before=None if created else before,
            after=after,
        )
        return True


def set_writes(key: str, on: bool, *, actor: Actor, reason: str) -> bool:
    """Allow or forbid writes to an experience's universe. Returns whether that changed.

    Raises Experience.DoesNotExist.
    """
    with transaction.atomic():
        experience = Experience.objects.select_for_update().get(key=key)
        if experience.writes == on:
            return False
        Experience.objects.filter(pk=experience.pk).update(writes=on)
        record(
            Action.EXPERIENCE_CHANGED,
            actor=actor,
            target=Target("experience", key, ""),
            experience=key,
            reason=reason,
            before={"writes": not on},
            after={"writes": on},
        )
        return True
