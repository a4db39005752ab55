"""Answer a game server's report: store it, and award the event if its host asks for that."""

import datetime as dt
from dataclasses import dataclass

from common.errors import Refused
from players.hosted_events import attendance, audit, awarding, reports
from players.hosted_events.reports import Report
from players.models import HostedEvent, Sanction
from players.moderation.actors import officer
from players.moderation.command import Command
from players.quarantines.detection import Source

REFUSED, WAITING = "refused", "waiting"


@dataclass(frozen=True, slots=True)
class AwardOrder:
    """Who asks in a game to award an event, and why."""

    by_user_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a report. `state`: the event's status, or `refused` or `waiting`.

    `detail` is for the host to read.
    """

    state: str
    detail: str = ""
    event: HostedEvent | None = None


def handle(source: Source, report: Report, order: AwardOrder | None, now: dt.datetime) -> Answer:
    """Store a report and carry out its order to award, once. A repeat gets the same state."""
    try:
        event = reports.land(source, report, now)
    except Refused as refusal:
        return Answer(REFUSED, str(refusal))
    if order is None or event.status == HostedEvent.Status.AWARDED:
        return Answer(str(event.status), event=event)
    if attendance.waiting(event.pk) is not None:
        return Answer(WAITING, "It waits to be confirmed on the console.", event)
    if audit.was_undone(event):
        return Answer(
            str(event.status), "Its award was taken back: award it on the console.", event
        )
    return _award(event, order, now)


def _award(event: HostedEvent, order: AwardOrder, now: dt.datetime) -> Answer:
    try:
        command = Command(
            by=officer(order.by_user_id),
            reason=order.reason,
            now=now,
            source=Sanction.Source.GAME,
            experience=event.experience,
        )
        done = awarding.award(event.pk, command)
    except Refused as refusal:
        return Answer(str(event.status), str(refusal), event)
    if done.approval is not None:
        return Answer(WAITING, done.sentence, event)
    event.refresh_from_db()
    return Answer(str(event.status), done.sentence, event)
