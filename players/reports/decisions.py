"""What staff do about member reports: answer, join, mute a reporter, end the mute.

Each function is one transaction. Who may write notes about the person decides, so nobody decides
about themselves or about somebody at or above their own position, nor on their own report.
"""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import transaction

from audits.actions import Action
from audits.record import record
from common.errors import NotAllowed, Refused
from common.visible_text import isolated
from players.models import MemberReport, Player, ReportMute
from players.moderation import velocity_limit
from players.moderation.audit_fields import policy_version, target_of
from players.moderation.authorization import Circumstances, permission_for
from players.moderation.command import ActionResult, Command
from players.moderation.input import check_moment
from players.moderation.locks import lock_player
from players.moderation.refusals import audit_refusals
from players.policy.permissions import Act
from players.reports import queries

Status = MemberReport.Status
OUTCOMES = (Status.ACTED, Status.NO_ACTION)
OWN = "You may not: you are a part of it; somebody else must decide."


def answer(report_id: int, outcome: Status, command: Command) -> ActionResult:
    """Answer an open report and those joined to it. `command.reason`: what the reporters read.

    Raises Refused, NotAllowed.
    """
    command = command.checked()
    if outcome not in OUTCOMES:
        raise Refused("outcome: it is acted or no_action.")
    with _about(report_id, command) as report:
        rows = MemberReport.objects.filter(joined_to=report.pk, status=Status.OPEN)
        ids = [report.pk, *rows.values_list("pk", flat=True)]
        _check_part(ids, command)
        changed: dict[str, Any] = {"status": outcome, "answer": command.reason}
        changed |= {"decided_by": command.by.person, "decided_at": command.now}
        MemberReport.objects.filter(pk__in=ids).update(**changed)
        details = {"report": report.pk, "reports": len(ids), "outcome": str(outcome)}
        event = _record(Action.REPORT_ANSWERED, report.reported, command, details)
        them = "Its reporter reads" if len(ids) == 1 else f"The {len(ids)} reporters read"
        return ActionResult(f"{them} your answer.", event, player=report.reported)


def join(report_id: int, others: Collection[int], command: Command) -> ActionResult:
    """Join other open reports about the same person to a report. Raises Refused, NotAllowed."""
    command = command.checked()
    with _about(report_id, command) as report:
        rows = MemberReport.objects.filter(
            pk__in=others, reported=report.reported, status=Status.OPEN, joined_to=None
        ).exclude(pk=report.pk)
        ids = list(rows.values_list("pk", flat=True))
        if not ids or len(ids) != len(set(others)):
            raise Refused("reports: pick open reports about the same person that are not joined.")
        _check_part([report.pk, *ids], command)
        # What was joined to them before follows.
        MemberReport.objects.filter(joined_to__in=ids).update(joined_to=report)
        MemberReport.objects.filter(pk__in=ids).update(joined_to=report)
        details = {"report": report.pk, "reports": len(ids) + 1}
        event = _record(Action.REPORTS_JOINED, report.reported, command, details)
        return ActionResult("They are joined, and get one answer.", event, player=report.reported)


def mute(user_id: int, until: dt.datetime | None, command: Command) -> ActionResult:
    """Accept no reports of a member until a moment, or until it is ended. They read the reason.

    Raises Refused, NotAllowed.
    """
    command, until = command.checked(), check_moment(until)
    if until is not None and until <= command.now:
        raise Refused("until: give a moment that is still to come.")
    with _acting(user_id, command) as player:
        if queries.mute_of(player, command.now) is not None:
            raise Refused("Their reports are muted already; end that first.")
        ReportMute.objects.filter(player=player, ended_at=None).update(
            ended_at=command.now
        )  # it ran out
        made = ReportMute.objects.create(
            player=player,
            reason=command.reason,
            issued_by=command.by.person,
            starts_at=command.now,
            ends_at=until,
        )
        ends = until.isoformat() if until else None
        event = _record(Action.REPORTS_MUTED, player, command, {"mute": made.pk, "until": ends})
        name = isolated(player.username)
        return ActionResult(f"Reports of {name} are not accepted now.", event, player=player)


def unmute(user_id: int, command: Command) -> ActionResult:
    """Accept a member's reports again. Raises Refused, NotAllowed."""
    command = command.checked()
    with _acting(user_id, command) as player:
        found = queries.mute_of(player, command.now)
        if found is None:
            raise Refused("Their reports are accepted already.")
        found.ended_at, found.ended_by = command.now, command.by.person
        found.save(update_fields=["ended_at", "ended_by"])
        event = _record(Action.REPORTS_UNMUTED, player, command, {"mute": found.pk})
        name = isolated(player.username)
        return ActionResult(f"Reports of {name} are accepted again.", event, player=player)


@contextmanager
def _about(report_id: int, command: Command) -> Iterator[MemberReport]:
    """Lock the reported person for a decision on an open report. Raises Refused, NotAllowed."""
    rows = MemberReport.objects.select_related("reported")
    known = rows.filter(pk=report_id).first()
    if known is None:
        raise Refused(f"There is no report {report_id}.")
    with _acting(known.reported.user_id, command) as player:
        report = rows.get(pk=report_id)
        if report.status != Status.OPEN:
            raise Refused("The report is answered already.")
        if report.joined_to_id is not None:
            raise Refused(f"It is joined to report {report.joined_to_id}; answer that one.")
        report.reported = player
        yield report


@contextmanager
def _acting(user_id: int, command: Command) -> Iterator[Player]:
    """Lock a player about whom `command.by` decides. Raises Refused, NotAllowed."""
    with audit_refusals("report", user_id, command.by), transaction.atomic():
        if velocity_limit.is_tripped(command.by, command.now):
            raise Refused(
                "You acted very often lately: wait, or ask an owner to let you act again."
            )
        player = lock_player(user_id)
        if why := why_not(player, command):
            raise NotAllowed(why)
        yield player
        velocity_limit.record_acts(command.by, command.now)


def why_not(player: Player, command: Command) -> str:
    """Return why somebody may not decide about a player's reports, or ""."""
    found = permission_for(Act.NOTE, player, command.by, Circumstances(command.now))
    return "" if found.allowed else found.reason


def _check_part(report_ids: Collection[int], command: Command) -> None:
    """Raises NotAllowed if one of the reports is the person's own."""
    rows = MemberReport.objects.filter(pk__in=report_ids).select_related("reporter")
    if any(command.by.is_player(row.reporter) for row in rows):
        raise NotAllowed(OWN)


def _record(action: Action, player: Player, command: Command, details: Mapping[str, Any]) -> int:
    return record(
        action,
        actor=command.by.actor,
        target=target_of(player),
        reason=command.reason,
        details={**command.details, **details},
        policy_version=policy_version(),
    )
