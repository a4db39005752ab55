"""What of an experience counts as points.

Two places say it: the configuration (config/backend.integrations.json) what is wanted, and the row
of the experience what two owners let count. In force is what both say, so that a file alone lets
nothing more count.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from django.conf import settings

from players.experiences import origins
from roblox.models import Experience

WORDS = {
    "points": "what is earned on its servers",
    "private_servers": "what is earned on private servers",
    "studio": "what is earned in Studio",
}


@dataclass(frozen=True, slots=True)
class Counting:
    """Whether points count at all (not so in a test experience), those of private servers, and
    those of Studio.
    """

    points: bool = True
    private_servers: bool = False
    studio: bool = False

    def __and__(self, other: "Counting") -> "Counting":
        return Counting(**{name: getattr(self, name) and getattr(other, name) for name in names()})

    def beyond(self, other: "Counting") -> list[str]:
        """What counts by this and not by the other, in words."""
        return [WORDS[name] for name in names() if getattr(self, name) and not getattr(other, name)]

    @property
    def written(self) -> dict[str, bool]:
        return {name: getattr(self, name) for name in names()}


def names() -> list[str]:
    return [field.name for field in fields(Counting)]


def read(row: Mapping[str, Any] | None) -> Counting:
    """What an experience's row says; empty: the defaults."""
    return Counting(**{name: bool(value) for name, value in (row or {}).items() if name in names()})


def wanted(experience: str) -> Counting:
    """What the configuration says; the defaults where it has no such experience."""
    for one in settings.INTEGRATIONS.experiences:
        if one.key == experience:
            return Counting(one.counts.points, one.counts.private_servers, one.counts.studio)
    return Counting()


def both(experience: str, row: Mapping[str, Any] | None) -> Counting:
    """What is in force, with the experience's row at hand."""
    return wanted(experience) & read(row)


def in_force(experience: str) -> Counting:
    return both(
        experience,
        Experience.objects.filter(key=experience).values_list("counts", flat=True).first(),
    )


def place_of(experience: str, apart: str, what: Counting) -> str:
    """The origin of what is earned. `apart`: `origins.PRIVATE` or STUDIO where it was on such a
    server.
    """
    counted = {"": True, origins.PRIVATE: what.private_servers, origins.STUDIO: what.studio}[apart]
    return experience if counted else f"{experience}{origins.SPLIT}{apart}"
