"""Find member reports and mutes."""

import datetime as dt

from django.db.models import Q, QuerySet

from players.models import MemberReport, Player, ReportMute
from players.moderation.actors import Staff

Status = MemberReport.Status


def waiting() -> QuerySet[MemberReport]:
    """Return the open reports that are not joined to another one, with both people."""
    rows = MemberReport.objects.filter(status=Status.OPEN, joined_to=None, reported__erased_at=None)
    return rows.select_related("reporter", "reported")


def visible_to(by: Staff) -> Q:
    """Return the condition for reports that this person may read: not those about themselves.

    A member who reports somebody is promised that the reported does not learn who it was.
    """
    subjects = [int(one.partition(":")[2]) for one in by.persons if one.startswith("player:")]
    about_them = Q(reported__in=subjects)
    return ~(about_them | Q(reported__user_id=by.user_id) if by.user_id else about_them)


def made_by(player: Player, most: int) -> list[MemberReport]:
    """Return a member's newest reports, newest first."""
    return list(
        MemberReport.objects.filter(reporter=player)
        .select_related("reported")
        .order_by("-pk")[:most]
    )


def about(player: Player, most: int) -> list[MemberReport]:
    """Return the newest reports about a player with their reporters, newest first."""
    return list(
        MemberReport.objects.filter(reported=player)
        .select_related("reporter")
        .order_by("-pk")[:most]
    )


def of_both_kinds(player: Player, readable: Q, most: int) -> list[MemberReport]:
    """Return the newest `readable` reports about a player and by them, newest first."""
    rows = MemberReport.objects.filter(readable, Q(reported=player) | Q(reporter=player))
    return list(rows.select_related("reporter", "reported").order_by("-pk")[:most])


def mute_of(player: Player, now: dt.datetime) -> ReportMute | None:
    """Return the mute in force of a member, or None."""
    rows = ReportMute.objects.filter(player=player, ended_at=None)
    return rows.filter(Q(ends_at=None) | Q(ends_at__gt=now)).first()


def record_of(reporter: Player) -> dict[str, int]:
    """Return how many of a member's last hundred reports were open, acted on, and not."""
    rows = MemberReport.objects.filter(reporter=reporter)
    last = list(rows.order_by("-pk").values_list("status", flat=True)[:100])
    return {status: last.count(status) for status in Status.values}
