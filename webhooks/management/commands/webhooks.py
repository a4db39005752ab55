import datetime as dt
import json
import sys
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from audits import queries
from audits.record import operator
from common.encryption import NoKey
from common.errors import Refused
from common.parsing import whole_number
from common.time import BadMoment, parse
from webhooks.endpoints import services, statistics
from webhooks.endpoints.services import EndpointInput
from webhooks.formats import KINDS
from webhooks.messages import formatting
from webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from webhooks.outbound import subscriptions, worker
from webhooks.tasks import DELIVERING, FANNING_OUT

TROUBLE = 1  # the exit code when an endpoint is failing or disabled, or an example did not arrive
WORKER = 3.0  # seconds in which a worker can take an example before it is delivered here
LOOK = 0.2  # seconds
WIDTH = 160  # characters, where the output goes to no terminal
STYLES = {"active": "green", "failing": "red", "paused": "yellow", "disabled": "red"}


class Command(BaseCommand):
    help = "Look after outgoing webhooks: how endpoints fare, examples, sending again, secrets and keys."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        status = acts.add_parser(
            "status", help="how each endpoint fares; exit code 1 if one is failing or disabled"
        )
        status.add_argument("--json", action="store_true", help="for programs")
        self._add_test(
            acts.add_parser(
                "test", help="send examples and wait for them; exit code 1 if one fails"
            )
        )
        self._add_replay(
            acts.add_parser("replay", help="send again what happened since a moment or place")
        )
        self._add_add(acts.add_parser("add", help="add an endpoint; prints its secret this once"))
        acts.add_parser("rotate", help="make a new secret; for a day both sign").add_argument(
            "name"
        )
        for wish in ("disable", "enable"):
            wished = acts.add_parser(wish, help=f"{wish} an endpoint")
            wished.add_argument("name")
            wished.add_argument("--reason", required=True)
        wished.add_argument(
            "--skip-missed", action="store_true", help="begin with what happens from now on"
        )
        acts.add_parser("new-key", help="print a key for FIELD_ENCRYPTION_KEYS")
        acts.add_parser("reseal", help="encrypt everything with the first of FIELD_ENCRYPTION_KEYS")

    def _add_test(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument(
            "--action", action="append", help="an event, such as rank.promoted; may be repeated"
        )
        parser.add_argument("--wait", type=float, default=30.0, help="seconds for all of them (30)")

    def _add_replay(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        start = parser.add_mutually_exclusive_group(required=True)
        start.add_argument("--since", help="a moment, ISO 8601; UTC where it says nothing")
        start.add_argument("--after", type=int, help="a position in the audit log")
        parser.add_argument(
            "--until", help="a moment with --since, a position with --after; without: the present"
        )
        parser.add_argument(
            "--failed-only", action="store_true", help="only what was given up (with --since)"
        )
        parser.add_argument("--dry-run", action="store_true", help="only say how many")

    def _add_add(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("kind", choices=list(KINDS))
        parser.add_argument(
            "url",
            help="where to; - reads it from standard input, so that no shell history keeps it",
        )
        parser.add_argument("--events", nargs="+", default=["*"], help="patterns such as rank.*")
        parser.add_argument(
            "--experience",
            action="append",
            default=[],
            help="only what concerns it; may be repeated",
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
        rows = _fares(timezone.now())
        if json:
            self.stdout.write(_as_json(rows))
        else:
            self._table(rows)
        if any(row["state"] in {"failing", "disabled"} for row in rows):
            sys.exit(TROUBLE)

    def _table(self, rows: Sequence[dict[str, Any]]) -> None:
        table = Table(
            "name",
            "kind",
            "state",
            "waiting",
            "oldest",
            "arrived in 24 h",
            "last success",
            "behind",
        )
        for row in rows:
            # Text, not markup: a name or a reason may hold brackets.
            state = Text(
                f"{formatting.MARKS[row['state']]} {row['stateText']}", style=STYLES[row["state"]]
            )
            success = "nothing sent" if row["success"] is None else f"{row['success']:.1f} %"
            oldest = (
                formatting.span(dt.timedelta(seconds=row["oldestSeconds"]))
                if row["waiting"]
                else ""
            )
            last = row["lastSuccess"].replace("T", " ")[:16] if row["lastSuccess"] else "never"
            waiting = formatting.capped(row["waiting"], statistics.MOST)
            table.add_row(
                Text(row["name"]),
                row["kind"],
                state,
                waiting,
                oldest,
                success,
                last,
                f"{row['behind']:,}",
            )
        self.console.print(
            table if rows else "There are no endpoints; `manage.py webhooks add` makes one."
        )

    def _test(self, *, name: str, action: list[str] | None, wait: float, **_: Any) -> None:
        endpoint = _named(name)
        made = services.send_examples(
            endpoint.pk, action or [str(subscriptions.actions(endpoint.events)[0])]
        )
        ids = [delivery.pk for delivery in made]
        DELIVERING.give()
        self._await(ids, wait)
        arrived = [
            self._tell(delivery)
            for delivery in WebhookDelivery.objects.filter(pk__in=ids).order_by("pk")
        ]
        if not all(arrived):
            sys.exit(TROUBLE)

    def _await(self, ids: Sequence[int], wait: float) -> None:
        """Until each has been tried once. What no worker takes is delivered here."""
        began = time.monotonic()
        while _untried(ids) and (gone := time.monotonic() - began) < wait:
            if gone > min(WORKER, wait / 2):
                worker.run(min(WORKER, wait - gone))
            time.sleep(LOOK)

    def _tell(self, delivery: WebhookDelivery) -> bool:
        """Print what came of it; whether it arrived."""
        arrived = delivery.status == WebhookDelivery.Status.DELIVERED
        last = WebhookAttempt.objects.filter(delivery=delivery).order_by("-id").first()
        if last is None:
            why = delivery.reason or "nobody tried it in time; is the endpoint paused?"
            self.stdout.write(f"{delivery.action}: not sent, {why}")
            return arrived
        answer = f"{last.status_code}" if last.status_code else "no answer"
        took = f" in {last.milliseconds} ms" if last.milliseconds is not None else ""
        self.stdout.write(
            f"{delivery.action}: {last.get_outcome_display()}, {answer}{took}. {last.error}".rstrip()
        )
        return arrived

    def _replay(
        self,
        *,
        name: str,
        since: str | None,
        after: int | None,
        until: str | None,
        failed_only: bool,
        dry_run: bool,
        **_: Any,
    ) -> None:
        endpoint, moment = _named(name), _moment(since) if since else None
        if failed_only:
            self._recover(endpoint, moment, until, dry_run)
            return
        start = statistics.place_before(moment) if moment else max(0, after or 0)
        end = min(_end(until, by_time=moment is not None), queries.head())
        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
            line = bar.add_task("events", total=max(0, end - start))

            def progress(place: int) -> None:
                bar.update(line, completed=place - start)

            if dry_run:
                count = statistics.wanted_between(endpoint, start, end, progress)
            else:
                count = services.replay(
                    endpoint.pk, start, end, actor=operator(), progress=progress
                )
        self._told_again(count, dry_run, f"Positions {start + 1:,} to {end:,}: ")

    def _recover(
        self, endpoint: WebhookEndpoint, since: dt.datetime | None, until: str | None, dry_run: bool
    ) -> None:
        if since is None:
            raise CommandError(
                "--failed-only goes with --since: it looks at when a delivery was given up."
            )
        before = _moment(until) if until else None
        if dry_run:
            count = statistics.given_up(endpoint.pk, since, before or timezone.now())
            self._told_again(count, dry_run, "")
            return
        self._told_again(
            services.recover(endpoint.pk, since, before, actor=operator()), dry_run, ""
        )

    def _told_again(self, count: int, dry_run: bool, where: str) -> None:
        if dry_run:
            most = statistics.MOST if not where else count
            self.stdout.write(f"{where}{formatting.capped(count, most)} would be sent again.")
            return
        DELIVERING.give()
        self.stdout.write(f"{where}{count:,} are sent again.")

    def _add(
        self,
        *,
        name: str,
        kind: str,
        url: str,
        events: list[str],
        experience: list[str],
        header: list[str],
        rate: int | None,
        **_: Any,
    ) -> None:
        wanted = EndpointInput(
            name=name,
            kind=kind,
            address=sys.stdin.readline().strip() if url == "-" else url,
            events=events,
            experiences=experience,
            headers=services.spell_headers("\n".join(header)),
            rate=rate,
        )
        endpoint, secret = services.create(wanted, actor=operator())
        self.stdout.write(f"{endpoint.name} is added: {formatting.address(endpoint)}")
        self._show(secret)

    def _rotate(self, *, name: str, **_: Any) -> None:
        endpoint, secret = services.rotate(_named(name).pk, actor=operator())
        self.stdout.write(
            f"The former secret of {endpoint.name} signs too until {_until(endpoint)}."
        )
        self._show(secret)

    def _show(self, secret: str) -> None:
        if secret:
            self.stdout.write(f"Its secret, shown this once: {secret}")

    def _disable(self, *, name: str, reason: str, **_: Any) -> None:
        services.disable(_named(name).pk, actor=operator(), reason=reason)
        self.stdout.write(f"{name} is disabled; what happens meanwhile waits for it.")

    def _enable(self, *, name: str, reason: str, skip_missed: bool, **_: Any) -> None:
        services.enable(_named(name).pk, actor=operator(), reason=reason, skip_missed=skip_missed)
        FANNING_OUT.give()
        DELIVERING.give()
        self.stdout.write(f"{name} is enabled.")

    def _new_key(self, **_: Any) -> None:
        self.stdout.write(Fernet.generate_key().decode())

    def _reseal(self, **_: Any) -> None:
        self.stdout.write(f"{services.reseal_all()} endpoints are encrypted with the first key.")


def _fares(now: dt.datetime) -> list[dict[str, Any]]:
    """How every endpoint fares, as `--json` prints it."""
    found = list(WebhookEndpoint.objects.order_by("name"))
    figures, head = statistics.figures([endpoint.pk for endpoint in found], now), queries.head()
    return [_fare(endpoint, figures[endpoint.pk], head, now) for endpoint in found]


def _fare(
    endpoint: WebhookEndpoint, figures: statistics.Figures, head: int, now: dt.datetime
) -> dict[str, Any]:
    state, last = formatting.state(endpoint, now), endpoint.last_success_at
    day = statistics.window(endpoint.pk, now - statistics.DAY)
    return {
        "name": endpoint.name,
        "kind": endpoint.kind,
        "state": state.name,
        "stateText": state.text,
        "waiting": figures.waiting,
        "oldestSeconds": int((now - figures.oldest).total_seconds()) if figures.oldest else 0,
        "deliveries": day.deliveries,
        "givenUp": day.given_up,
        "success": day.success,
        "lastSuccess": last.isoformat() if last else None,
        "behind": statistics.behind(endpoint, head),
    }


def _as_json(rows: Sequence[dict[str, Any]]) -> str:
    return json.dumps(rows, ensure_ascii=False, indent=1)


def _named(name: str) -> WebhookEndpoint:
    found = WebhookEndpoint.objects.filter(name=name).first()
    if found is None:
        raise CommandError(
            f"There is no endpoint {name!r}; `manage.py webhooks status` lists them."
        )
    return found


def _untried(ids: Sequence[int]) -> bool:
    """Whether one of these deliveries waits for its first answer."""
    answered = WebhookAttempt.objects.filter(delivery__in=ids).exclude(
        outcome=WebhookAttempt.Outcome.RUNNING
    )
    return answered.values("delivery").distinct().count() < len(ids)


def _end(until: str | None, *, by_time: bool) -> int:
    """The place up to which is replayed."""
    if until is None:
        return queries.head()
    if by_time:
        return statistics.place_before(_moment(until))
    position = whole_number(until)
    if position is None:
        raise CommandError("--until is a position where --after is one.")
    return position


def _moment(text: str) -> dt.datetime:
    try:
        return parse(text, default_zone=dt.UTC)
    except BadMoment as error:
        raise CommandError(f"{error}.") from None


def _until(endpoint: WebhookEndpoint) -> str:
    return formatting.moment(endpoint.previous_until) if endpoint.previous_until else "now"
