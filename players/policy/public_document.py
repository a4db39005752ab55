"""The part of a policy that everybody may read: how points are earned."""

from collections.abc import Mapping
from typing import Any

from players.policy.bundle import Bundle
from players.policy.points import EventKind


def public_document(bundle: Bundle) -> dict[str, Any]:
    """Return caps and event types as JSON, in points and seconds, event types by name."""
    return {
        "dailyCap": _points(bundle.points.daily_cap),
        "weeklyCap": _points(bundle.points.weekly_cap),
        "events": [_event(name, kind) for name, kind in sorted(bundle.points.events.items())],
    }


def _event(name: str, kind: EventKind) -> Mapping[str, Any]:
    return {
        "type": name,
        "weight": None if kind.weight is None else _points(kind.weight),
        "weightByLevel": {
            level: _points(weight) for level, weight in sorted(kind.weight_by_level.items())
        },
        "counter": kind.counter,
        "cooldownSeconds": kind.cooldown,
        "shortestSeconds": kind.shortest,
        "recommends": kind.recommends,
    }


def _points(hundredths: int) -> int | float:
    return hundredths / 100 if hundredths % 100 else hundredths // 100
