"""Experiences come from the configuration; a change there is a change here, told by an audit event."""

from dataclasses import dataclass

from django.db import transaction

from audits.actions import Action
from audits.record import Actor, Target, record
from roblox.models import Experience


@dataclass(frozen=True, slots=True)
class EndpointInput:
    """An experience as configured."""

    key: str
    name: str
    universe_id: int | None


def ensure(wanted: EndpointInput, *, actor: Actor) -> bool:
    """Make the experience, or bring its name and universe up to date; True when something changed."""
    with transaction.atomic():
        experience, created = Experience.objects.select_for_update().get_or_create(
            key=wanted.key, defaults={"name": wanted.name, "universe_id": wanted.universe_id}
        )
        before = {"name": experience.name, "universeId": experience.universe_id}
        after = {"name": wanted.name, "universeId": wanted.universe_id}
        if not created and before == after:
            return False
        if not created:
            Experience.objects.filter(pk=experience.pk).update(
                name=wanted.name, universe_id=wanted.universe_id
            )
        record(
            Action.EXPERIENCE_CREATED if created else Action.EXPERIENCE_CHANGED,
            actor=actor,
            target=Target("experience", wanted.key, ""),
            experience=wanted.key,
            before=None if created else before,
            after=after,
        )
        return True


def set_writes(key: str, on: bool, *, actor: Actor, reason: str) -> bool:
    """Allow or forbid that GRPS writes to an experience's universe; True when that changed.

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
