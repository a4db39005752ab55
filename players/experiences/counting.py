"""Decide which points of an experience count.

The configuration (config/backend.integrations.json) says what may count. The experience's row says
what two owners approved. Only what both allow counts, so a changed file alone cannot make more
points count.
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
    """Whether points count at all, and whether those of private servers and of Studio do.

    `points` is False for a test experience.
    """

    points: bool = True
    private_servers: bool = False
    studio: bool = False

    def __and__(self, other: "Counting") -> "Counting":
        return Counting(**{name: getattr(self, name) and getattr(other, name) for name in names()})

    def beyond(self, other: "Counting") -> list[str]:
        """Return the words for what counts here but not in `other`."""
        return [WORDS[name] for name in names() if getattr(self, name) and not getattr(other, name)]

    @property
    def written(self) -> dict[str, bool]:
        return {name: getattr(self, name) for name in names()}


def names() -> list[str]:
    return [field.name for field in fields(Counting)]


def read(row: Mapping[str, Any] | None) -> Counting:
    """Read the counts from an experience's row; missing ones take their default."""
    return Counting(**{name: bool(value) for name, value in (row or {}).items() if name in names()})


def wanted(experience: str) -> Counting:
    """Return the counts of the configuration, or the defaults for an unknown experience."""
    for one in settings.INTEGRATIONS.experiences:
        if one.key == experience:
            return Counting(one.counts.points, one.counts.private_servers, one.counts.studio)
    return Counting()


def both(experience: str, row: Mapping[str, Any] | None) -> Counting:
    """Return what counts, given the counts of the experience's row."""
    return wanted(experience) & read(row)


def in_force(experience: str) -> Counting:
    return both(
        experience,
        Experience.objects.filter(key=experience).values_list("counts", flat=True).first(),
    )


def place_of(experience: str, apart: str, what: Counting) -> str:
    """Return the origin for points earned on a kind of server.

    `apart`: `origins.PRIVATE`, `origins.STUDIO`, or empty for a public server.
    """
    counted = {"": True, origins.PRIVATE: what.private_servers, origins.STUDIO: what.studio}[apart]
    return experience if counted else f"{experience}{origins.SPLIT}{apart}"
