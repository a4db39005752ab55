import datetime as dt
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common import database_clock
from common.errors import Refused
from common.time import BadMoment, parse
from players.hosted_events import attendance, awarding, ending, kinds, lookup, planning, series
from players.hosted_events.planning import Plan
from players.hosted_events.series import Repetition
from players.models import HostedEvent
from players.moderation import command
from players.moderation.actors import at_the_shell

ACTS = {"end": ending.end, "cancel": planning.cancel, "award": awarding.award}
MARKS = {"strike": attendance.strike, "add": attendance.add}


class Command(BaseCommand):
    help = "Plan, end and award events with a host, as the operator of this machine."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        acts.add_parser("list", help="what is planned or runs")
        plan = acts.add_parser("plan", help="plan an event, or a series")
        plan.add_argument("kind")
        plan.add_argument("experience")
        plan.add_argument("host", type=int, help="a Roblox user id")
        plan.add_argument("starts_at", help="as 2030-01-31T18:00:00Z")
        plan.add_argument("--minutes", type=int, default=60)
        plan.add_argument("--title", default="")
        plan.add_argument("--every-days", type=int)
        plan.add_argument("--zone", default="UTC")
        plan.add_argument("--last-day", type=dt.date.fromisoformat)
        for name in (*ACTS, *MARKS):
            one = acts.add_parser(name)
            one.add_argument("event", type=int)
            if name in MARKS:
                one.add_argument("user_id", type=int)
            one.add_argument("--reason", required=True)

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        try:
            if act == "list":
                for event in lookup.upcoming(database_clock.now()):
                    self.stdout.write(_line(event))
            elif act == "plan":
                self.stdout.write(_plan(options))
            else:
                self.stdout.write(_act(act, options))
        except (Refused, BadMoment) as refusal:
            raise CommandError(str(refusal)) from None


def _line(event: HostedEvent) -> str:
    start = event.starts_at or event.started_at
    at = f"{start:%Y-%m-%d %H:%M} UTC" if start else ""
    title = event.title or kinds.title_of(event.kind)
    return f"{event.pk}\t{at}\t{event.status}\t{title}\t{event.host.username}\t{event.experience}"


def _plan(options: dict[str, Any]) -> str:
    by = command.Command(by=at_the_shell(), now=database_clock.now())
    it = Plan(
        kind=options["kind"],
        experience=options["experience"],
        starts_at=parse(options["starts_at"]),
        minutes=options["minutes"],
        host_user_id=options["host"],
        title=options["title"],
    )
    if not options["every_days"]:
        return _line(planning.plan(it, by))
    how = Repetition(
        every_days=options["every_days"], zone=options["zone"], last_day=options["last_day"]
    )
    return f"Series {series.begin(it, how, by).pk} is planned four weeks ahead."


def _act(act: str, options: dict[str, Any]) -> str:
    by = command.Command(by=at_the_shell(), reason=options["reason"], now=database_clock.now())
    if act in MARKS:
        return MARKS[act](options["event"], options["user_id"], by).sentence
    return ACTS[act](options["event"], by).sentence
