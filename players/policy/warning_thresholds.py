"""The sanction that a number of active warnings leads to, and its duration."""

import datetime as dt
import enum

from players.policy.bundle import Punishments


class ThresholdSanction(enum.StrEnum):
    NONE = "none"
    SUSPENSION = "suspension"
    BAN = "ban"


def sanction_for(active_warnings: int, policy: Punishments) -> ThresholdSanction:
    """Return the sanction for a number of active warnings."""
    if active_warnings >= policy.severe_threshold:
        return ThresholdSanction.BAN
    if active_warnings >= policy.trial_threshold:
        return ThresholdSanction.SUSPENSION
    return ThresholdSanction.NONE


def sanctions_after(
    active_warnings: int, policy: Punishments, *, suspended: bool, banned: bool
) -> list[ThresholdSanction]:
    """Return the new sanctions that follow from the number of active warnings, in their order."""
    called_for = sanction_for(active_warnings, policy)
    found = []
    if called_for is not ThresholdSanction.NONE and not suspended:
        found.append(ThresholdSanction.SUSPENSION)
    if called_for is ThresholdSanction.BAN and not banned:
        found.append(ThresholdSanction.BAN)
    return found


def suspension_ends(start: dt.datetime, policy: Punishments) -> dt.datetime:
    """Return when a suspension that starts at `start` ends by itself."""
    return start + dt.timedelta(days=policy.trial_days)


def warning_expires(start: dt.datetime, policy: Punishments) -> dt.datetime | None:
    """Return when a warning stops counting, or None if warnings do not expire."""
    return None if policy.warning_days is None else start + dt.timedelta(days=policy.warning_days)


def sanction_of(banned: bool, at_punishment_rank: bool) -> str | None:
    """Return the graver sanction in force, for game servers."""
    if banned:
        return str(ThresholdSanction.BAN)
    return str(ThresholdSanction.SUSPENSION) if at_punishment_rank else None
