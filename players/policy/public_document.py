"""The part of a policy that everybody may read: how points are earned."""

from collections.abc import Mapping
from typing import Any

from players.policy.bundle import Bundle
from players.policy.multipliers import FORMAT, Multiplier
from players.policy.points import EventKind


def public_document(bundle: Bundle) -> dict[str, Any]:
    """Return caps, multipliers and event types as JSON, in points and seconds, types by name."""
    return {
        "dailyCap": _points(bundle.points.daily_cap),
        "weeklyCap": _points(bundle.points.weekly_cap),
        "multipliers": [_multiplier(one) for one in bundle.points.multipliers],
        "events": [_event(name, kind) for name, kind in sorted(bundle.points.events.items())],
    }


def _multiplier(one: Multiplier) -> Mapping[str, Any]:
    return {
        "name": one.name,
        "startsAt": f"{one.start:{FORMAT}}",
        "endsAt": f"{one.end:{FORMAT}}",
        "factor": _points(one.factor),
        "events": None if one.events is None else sorted(one.events),
        "experiences": None if one.experiences is None else sorted(one.experiences),
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
