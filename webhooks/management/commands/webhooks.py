import datetime as dt
import sys
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.fernet import Fernet
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import Progress

from audits import queries
from audits.record import operator
from common import database_clock
from common.encryption import NoKey
from common.errors import Refused
from common.parsing import whole_number
from common.time import BadMoment, parse
from webhooks.endpoints import redelivery, sealed_values, services, statistics, validation
from webhooks.endpoints.validation import EndpointInput
from webhooks.formats import FORMATS
from webhooks.management import endpoint_status
from webhooks.messages import formatting
from webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from webhooks.outbound import subscriptions, worker
from webhooks.tasks import DELIVERING, FANNING_OUT

TROUBLE = 1  # exit code if an endpoint fails or is disabled, or an example did not arrive
WORKER = 3.0  # seconds that a worker has to send an example; then this process sends it
LOOK = 0.2  # seconds
WIDTH = 160  # characters, if the output is no terminal


@dataclass(frozen=True, slots=True)
class Replay:
    """The options of `replay`, as entered."""

    name: str
    since: str | None
    after: int | None
    until: str | None
    failed_only: bool
    dry_run: bool


class Command(BaseCommand):
    help = "Manage outgoing webhooks: status, examples, redelivery, secrets and keys."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        status = acts.add_parser(
            "status", help="state of each endpoint; exit code 1 if one is failing or disabled"
        )
        status.add_argument("--json", action="store_true", help="for programs")
        self._add_test(
            acts.add_parser(
                "test", help="send examples and wait for them; exit code 1 if one fails"
            )
        )
        self._add_replay(
            acts.add_parser("replay", help="send events again, from a moment or a position on")
        )
        self._add_add(acts.add_parser("add", help="add an endpoint; prints its secret once"))
        acts.add_parser("rotate", help="make a new secret; for a day both sign").add_argument(
            "name"
        )
        for act in ("disable", "enable"):
            parser_of_act = acts.add_parser(act, help=f"{act} an endpoint")
            parser_of_act.add_argument("name")
            parser_of_act.add_argument("--reason", required=True)
        parser_of_act.add_argument(
            "--skip-missed", action="store_true", help="send only events from now on"
        )
        acts.add_parser("new-key", help="print a key for FIELD_ENCRYPTION_KEYS")
        acts.add_parser(
            "reseal", help="encrypt every value again with the first of FIELD_ENCRYPTION_KEYS"
        )

    def _add_test(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument(
            "--action", action="append", help="an event, such as rank.promoted; may be repeated"
        )
        parser.add_argument("--wait", type=float, default=30.0, help="seconds for all of them (30)")

    def _add_replay(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        start = parser.add_mutually_exclusive_group(required=True)
        start.add_argument("--since", help="a moment, ISO 8601, in UTC unless it says otherwise")
        start.add_argument("--after", type=int, help="a position in the audit log")
        parser.add_argument(
            "--until", help="a moment with --since, a position with --after; default: now"
        )
        parser.add_argument(
            "--failed-only",
            action="store_true",
            help="only deliveries that were given up (with --since)",
        )
        parser.add_argument("--dry-run", action="store_true", help="only print how many")

    def _add_add(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("kind", choices=list(FORMATS))
        parser.add_argument(
            "url",
            help="the address; - reads it from standard input, which keeps it out of the shell history",
        )
        parser.add_argument("--events", nargs="+", default=["*"], help="patterns such as rank.*")
        parser.add_argument(
            "--experience",
            action="append",
            default=[],
            help="only events of this experience; may be repeated",
        )
        parser.add_argument(
            "--header", action="append", default=[], help="'Name: value'; may be repeated"
        )
        parser.add_argument("--rate", type=int, help="calls a minute at most")

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        width = None if self.stdout.isatty() else WIDTH
        self.console = Console(file=self.stdout, soft_wrap=True, width=width)  # type: ignore[arg-type]
        try:
            getattr(self, f"_{act.replace('-', '_')}")(**options)
        except (Refused, NoKey) as reason:
            raise CommandError(str(reason)) from None

    def _status(self, *, json: bool, **_: Any) -> None:
        rows = endpoint_status.rows(database_clock.now())
        if json:
            self.stdout.write(endpoint_status.as_json(rows))
        elif rows:
            self.console.print(endpoint_status.as_table(rows))
        else:
            self.stdout.write("There are no endpoints; `manage.py webhooks add` makes one.")
        if any(row["state"] in {"failing", "disabled"} for row in rows):
            sys.exit(TROUBLE)

    def _test(self, *, name: str, action: list[str] | None, wait: float, **_: Any) -> None:
        endpoint = _named(name)
        actions = action or [str(subscriptions.actions(endpoint.events)[0])]
        ids = [delivery.pk for delivery in redelivery.send_examples(endpoint.pk, actions)]
        DELIVERING.give()
        self._await(ids, wait)
        arrived = [
            self._report(delivery)
            for delivery in WebhookDelivery.objects.filter(pk__in=ids).order_by("pk")
        ]
        if not all(arrived):
            sys.exit(TROUBLE)

    def _await(self, ids: Sequence[int], wait: float) -> None:
        """Wait until each delivery was tried once. This process sends those that no worker takes."""
        began = time.monotonic()
        while _untried(ids) and (gone := time.monotonic() - began) < wait:
            if gone > min(WORKER, wait / 2):
                worker.run(min(WORKER, wait - gone))
            time.sleep(LOOK)

    def _report(self, delivery: WebhookDelivery) -> bool:
        """Print the result of a delivery. Return whether it arrived."""
        arrived = delivery.status == WebhookDelivery.Status.DELIVERED
        last = WebhookAttempt.objects.filter(delivery=delivery).order_by("-id").first()
        if last is None:
            why = delivery.reason or "no attempt in time; is the endpoint paused?"
            self.stdout.write(f"{delivery.action}: not sent, {why}")
            return arrived
        answer = f"{last.status_code}" if last.status_code else "no answer"
        took = f" in {last.milliseconds} ms" if last.milliseconds is not None else ""
        self.stdout.write(
            f"{delivery.action}: {last.get_outcome_display()}, {answer}{took}. {last.error}".rstrip()
        )
        return arrived

    def _replay(self, **options: Any) -> None:
        given = Replay(**{name: options[name] for name in Replay.__annotations__})
        endpoint, moment = _named(given.name), _moment(given.since) if given.since else None
        if given.failed_only:
            self._recover(endpoint, moment, given)
            return
        start = statistics.place_before(moment) if moment else max(0, given.after or 0)
        end = min(_end(given.until, by_time=moment is not None), queries.head())
        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
            line = bar.add_task("events", total=max(0, end - start))

            def progress(place: int) -> None:
                bar.update(line, completed=place - start)

            if given.dry_run:
                count = statistics.wanted_between(endpoint, start, end, progress)
            else:
                count = redelivery.replay(
                    endpoint.pk, start, end, actor=operator(), progress=progress
                )
        self._report_sent(count, given.dry_run, f"Positions {start + 1:,} to {end:,}: ")

    def _recover(
        self, endpoint: WebhookEndpoint, since: dt.datetime | None, given: "Replay"
    ) -> None:
        if since is None:
            raise CommandError("--failed-only needs --since: when the deliveries were given up.")
        before = _moment(given.until) if given.until else None
        if given.dry_run:
            count = statistics.given_up(endpoint.pk, since, before or database_clock.now())
        else:
            count = redelivery.recover(endpoint.pk, since, before, actor=operator())
        self._report_sent(count, given.dry_run)

    def _report_sent(self, count: int, dry_run: bool, where: str = "") -> None:
        if dry_run:
            most = statistics.MOST if not where else count
            self.stdout.write(f"{where}{formatting.capped(count, most)} would be sent again.")
            return
        DELIVERING.give()
        self.stdout.write(f"{where}{count:,} are sent again.")

    def _add(self, *, url: str, **options: Any) -> None:
        wanted = EndpointInput(
            name=options["name"],
            kind=options["kind"],
            address=sys.stdin.readline().strip() if url == "-" else url,
            events=options["events"],
            experiences=options["experience"],
            headers=validation.parse_headers("\n".join(options["header"])),
            rate=options["rate"],
        )
        endpoint, secret = services.create(wanted, actor=operator())
        self.stdout.write(f"{endpoint.name} is added: {formatting.address(endpoint)}")
        self._show(secret)

    def _rotate(self, *, name: str, **_: Any) -> None:
        endpoint, secret = services.rotate(_named(name).pk, actor=operator())
        self.stdout.write(
            f"The former secret of {endpoint.name} still signs until {_until(endpoint)}."
        )
        self._show(secret)

    def _show(self, secret: str) -> None:
        if secret:
            self.stdout.write(f"Its secret, shown only once: {secret}")

    def _disable(self, *, name: str, reason: str, **_: Any) -> None:
        services.disable(_named(name).pk, actor=operator(), reason=reason)
        self.stdout.write(f"{name} is disabled. Events wait until it is enabled.")

    def _enable(self, *, name: str, reason: str, skip_missed: bool, **_: Any) -> None:
        services.enable(_named(name).pk, actor=operator(), reason=reason, skip_missed=skip_missed)
        FANNING_OUT.give()
        DELIVERING.give()
        self.stdout.write(f"{name} is enabled.")

    def _new_key(self, **_: Any) -> None:
        self.stdout.write(Fernet.generate_key().decode())

    def _reseal(self, **_: Any) -> None:
        self.stdout.write(f"{sealed_values.reseal_all()} values are encrypted with the first key.")


def _named(name: str) -> WebhookEndpoint:
    found = WebhookEndpoint.objects.filter(name=name).first()
    if found is None:
        raise CommandError(
            f"There is no endpoint {name!r}; `manage.py webhooks status` lists them."
        )
    return found


def _untried(ids: Sequence[int]) -> bool:
    """Return whether one of these deliveries has no answer yet."""
    answered = WebhookAttempt.objects.filter(delivery__in=ids).exclude(
        outcome=WebhookAttempt.Outcome.RUNNING
    )
    return answered.values("delivery").distinct().count() < len(ids)


def _end(until: str | None, *, by_time: bool) -> int:
    """Return the last position to replay."""
    if until is None:
        return queries.head()
    if by_time:
        return statistics.place_before(_moment(until))
    position = whole_number(until)
    if position is None:
        raise CommandError("--until must be a position if --after is given.")
    return position


def _moment(text: str) -> dt.datetime:
    try:
        return parse(text, default_zone=dt.UTC)
    except BadMoment as error:
        raise CommandError(f"{error}.") from None


def _until(endpoint: WebhookEndpoint) -> str:
    return formatting.moment(endpoint.previous_until) if endpoint.previous_until else "now"
