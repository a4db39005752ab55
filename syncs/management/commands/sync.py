import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from audits.record import operator
from common.errors import Refused
from common.parsing import whole_number
from players.active_policy import active
from players.moderation.actors import at_the_shell
from roblox import cloud
from roblox.experiences import set_writes
from roblox.models import Experience
from roblox.open_cloud import users
from roblox.open_cloud.errors import OpenCloudError
from roblox.open_cloud.operations import BUDGETS
from syncs import drifts, jobs
from syncs.models import Drift, Mirror, SyncJob
from syncs.pull.base import Page
from syncs.pull.runner import run
from syncs.push import mirrors
from syncs.push import runner as pushing
from syncs.roles import pin_requests, pins

FAILED, WAITING = 1, 2  # exit codes; 0: done
LOOK_EVERY = 1.0


class Command(BaseCommand):
    help = (
        "Pull from Roblox (points, leaderboard, members, restrictions, policy-drift), and look after jobs, mirrors and "
        "drift. A pull ends with 0 when it is done, 1 when it failed, 2 when it waits, is paused or was cancelled."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        for activity in SyncJob.Activity:
            pull = acts.add_parser(
                activity.value, help=f"pull {activity.value} now, in this process"
            )
            if activity not in jobs.OF_THE_GROUP:
                pull.add_argument("experience", nargs="?", help="all of them without")
            pull.add_argument(
                "--dry-run", action="store_true", help="say what would change, change nothing"
            )
            pull.add_argument(
                "--full", action="store_true", help="read every entry, not only those that differ"
            )
            pull.add_argument("--limit", type=int, help="look at so many entries at most")
        acts.add_parser("jobs", help="the latest jobs")
        for wish in ("cancel", "pause", "resume"):
            acts.add_parser(wish, help=f"{wish} a job").add_argument("job_id", type=int)
        confirm = acts.add_parser("confirm", help="let a job go on that waits for a person")
        confirm.add_argument("job_id", type=int)
        confirm.add_argument("--reason", required=True)
        shown = acts.add_parser(
            "mirrors", help="what waits to be written, and exactly what would be"
        )
        shown.add_argument("--limit", type=int, default=25)
        shown.add_argument(
            "--push", action="store_true", help="write what is due now, in this process"
        )
        shown.add_argument(
            "--retry-parked", action="store_true", help="give what is parked another try"
        )
        acts.add_parser("roles", help="which role of the group stands for which rank, read anew")
        pin = acts.add_parser("pin", help="pin a role of the group to a rank")
        pin.add_argument("rank")
        pin.add_argument(
            "--role", type=int, required=True, help="the role's id, as `sync roles` says it"
        )
        pin.add_argument("--reason", required=True)
        acts.add_parser("drift", help="what Roblox and GRPS say differently")
        writes = acts.add_parser(
            "writes", help="whether GRPS may write to an experience's universe"
        )
        writes.add_argument("experience")
        writes.add_argument("switch", choices=["on", "off"])
        writes.add_argument("--reason", required=True)
        for choice, what in (
            ("adopt", "take over what Roblox says"),
            ("push", "write what GRPS says"),
        ):
            settle = acts.add_parser(choice, help=f"settle a difference: {what}")
            settle.add_argument("drift_id", type=int)
            settle.add_argument("--reason", required=True)

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        self.console = Console(file=self.stdout, soft_wrap=True)  # type: ignore[arg-type]
        try:
            if act in SyncJob.Activity.values:
                self._pull(act, **options)
            else:
                getattr(self, f"_{act}")(**options)
        except (Refused, cloud.NotConfigured, OpenCloudError) as reason:
            raise CommandError(str(reason)) from None

    def _pull(
        self,
        activity: str,
        *,
        dry_run: bool,
        full: bool,
        limit: int | None,
        experience: str | None = None,
        **_: Any,
    ) -> None:
        worst = 0
        for target in self._targets(activity, experience):
            job, _made = jobs.request(
                activity, target, actor=operator(), dry_run=dry_run, full=full, limit=limit
            )
            worst = max(worst, self._watch(job))
        if worst:
            sys.exit(worst)

    def _targets(self, activity: str, key: str | None) -> list[Experience | None]:
        if activity in jobs.OF_THE_GROUP:
            return [None]
        found = Experience.objects.filter(enabled=True)
        chosen = list(found.filter(key=key) if key else found.exclude(universe_id=None))
        if not chosen:
            raise CommandError(
                f"No experience has the key {key}." if key else "No experience has a universe."
            )
        return [*chosen]

    def _watch(self, job: SyncJob) -> int:
        """Carry the job on here, or watch who does; the exit code."""
        name = f"{job.activity} {job.experience.key if job.experience else ''}".strip()
        columns = (
            *(TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[counted]}")),
            *(
                TextColumn("{task.fields[budget]}", style="dim"),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
            ),
        )
        with Progress(*columns, console=self.console) as bar:
            line = bar.add_task(name, total=_expected(job), counted="", budget="")
            started = time.monotonic()

            def report(job: SyncJob, page: Page) -> None:
                bar.update(
                    line,
                    completed=job.counters.get("listed", 0),
                    counted=_counted(job.counters),
                    budget=_budget(job, time.monotonic() - started),
                )
                if job.dry_run:
                    for text in page.lines:
                        bar.console.print(text)

            while True:
                held = jobs.claim_one(job.pk)
                if held is not None:
                    run(held, report=report)
                job = SyncJob.objects.select_related("experience").get(pk=job.pk)
                bar.update(
                    line, completed=job.counters.get("listed", 0), counted=_counted(job.counters)
                )
                if job.status not in {SyncJob.Status.QUEUED, SyncJob.Status.RUNNING}:
                    break
                if job.retry_at > timezone.now():
                    bar.console.print(
                        f"{name}: {job.error} Goes on at {job.retry_at:%H:%M:%S} UTC.",
                        style="yellow",
                    )
                time.sleep(LOOK_EVERY)
        if job.status == SyncJob.Status.WAITING:
            self.console.print(
                f"{name}: {job.question} Then: manage.py sync confirm {job.pk} --reason ..."
            )
            return WAITING
        self.console.print(f"{name}: {job.status}. {job.error or _counted(job.counters)}")
        if job.status == SyncJob.Status.DONE:
            return 0
        return FAILED if job.status == SyncJob.Status.FAILED else WAITING

    def _jobs(self, **_: Any) -> None:
        table = Table("id", "activity", "experience", "status", "counters", "asked by", "error")
        now = timezone.now()
        for job in SyncJob.objects.select_related("experience").order_by("-pk")[:20]:
            key = job.experience.key if job.experience else ""
            status = jobs.present_status(job, now)
            counted = _counted(job.counters)
            table.add_row(
                str(job.pk), job.activity, key, status, counted, job.requested_by, job.error
            )
        self.console.print(table)

    def _cancel(self, *, job_id: int, **_: Any) -> None:
        job = jobs.cancel(job_id, actor=operator())
        self.stdout.write(
            f"Job {job.pk}: {'stops at its next page' if job.wanted else job.status}."
        )

    def _pause(self, *, job_id: int, **_: Any) -> None:
        job = jobs.pause(job_id, actor=operator())
        self.stdout.write(
            f"Job {job.pk}: {'stops at its next page' if job.wanted else job.status}."
        )

    def _resume(self, *, job_id: int, **_: Any) -> None:
        self.stdout.write(f"Job {jobs.resume(job_id, actor=operator()).pk} goes on.")

    def _confirm(self, *, job_id: int, reason: str, **_: Any) -> None:
        self.stdout.write(
            f"Job {jobs.confirm(job_id, by=at_the_shell(), reason=reason).pk} goes on."
        )

    def _mirrors(self, *, limit: int, push: bool, retry_parked: bool, **_: Any) -> None:
        if retry_parked:
            self.stdout.write(
                f"{mirrors.retry_parked(timezone.now())} parked mirrors get another try."
            )
        if push:
            self._push_now()
        waiting, parked = _waiting_and_parked()
        state = (
            "on" if settings.ROBLOX_WRITES else "OFF (ROBLOX_WRITES): nothing of this is written"
        )
        self.stdout.write(f"{waiting} mirrors wait, {parked} are parked; writing is {state}.")
        for wish, lines in pushing.preview(limit):
            where = wish.experience.key if wish.experience else "group"
            self.stdout.write(f"{where}, {wish.player.username} ({wish.player.user_id}):")
            for line in lines:
                self.stdout.write(f"    {line}")
        for row in Mirror.objects.filter(status=Mirror.Status.PARKED).select_related("player")[
            :limit
        ]:
            self.stdout.write(
                f"parked: {row.aspect} of {row.player.username} ({row.player.user_id}): {row.reason}"
            )

    def _push_now(self) -> None:
        if not settings.ROBLOX_WRITES:
            raise CommandError("Writing to Roblox is off: set ROBLOX_WRITES=on.")
        while pushing.step():
            pass

    def _roles(self, **_: Any) -> None:
        found = pins.contact(cloud.group())
        names = {role: rank for rank, role in found.pins.roles.items()}
        table = Table("id", "number", "role", "members", "stands for")
        for role in sorted(found.roles.values(), key=lambda one: one.rank):
            held = "" if role.members is None else f"{role.members:,}"
            table.add_row(str(role.id), str(role.rank), role.name, held, names.get(role.id, ""))
        self.console.print(table)
        for rank in active().bundle.ranks:
            if rank.name in found.pins.parked:
                self.stdout.write(
                    f"parked: {rank.name}: {found.pins.parked[rank.name]}{_held_by(rank.name)}"
                )
            elif rank.name not in found.pins.roles:
                self.stdout.write(f"no role: {rank.name} (the policy's number is {rank.role})")

    def _pin(self, *, rank: str, role: int, reason: str, **_: Any) -> None:
        pins.contact(cloud.group())
        row = pin_requests.pin(rank, role, by=at_the_shell(), reason=reason, now=timezone.now())
        self.stdout.write(
            f"{row.name} (id {row.role_id}) stands for {rank} now; the members are read against it."
        )

    def _drift(self, **_: Any) -> None:
        table = Table("id", "what", "where", "who", "ours", "theirs", "since", "detail")
        for row in (
            Drift.objects.filter(resolved_at=None).select_related("experience").order_by("pk")[:100]
        ):
            key = row.experience.key if row.experience else "group"
            since = f"{row.first_seen_at:%Y-%m-%d %H:%M}"
            ours, theirs = str(row.ours or ""), str(row.theirs or "")[:80]
            table.add_row(
                str(row.pk), row.aspect, key, row.subject, ours, theirs, since, row.detail
            )
        self.console.print(table)

    def _adopt(self, *, drift_id: int, reason: str, **_: Any) -> None:
        name = self._name_of(drift_id)
        drift = drifts.adopt(
            drift_id, by=at_the_shell(), reason=reason, now=timezone.now(), name=name
        )
        self.stdout.write(f"{drift}: theirs is adopted.")

    def _push(self, *, drift_id: int, reason: str, **_: Any) -> None:
        drift = drifts.push(drift_id, by=at_the_shell(), reason=reason, now=timezone.now())
        self.stdout.write(f"{drift}: ours will be written.")

    def _writes(self, *, experience: str, switch: str, reason: str, **_: Any) -> None:
        try:
            changed = set_writes(experience, switch == "on", actor=operator(), reason=reason)
        except Experience.DoesNotExist:
            raise CommandError(f"No experience has the key {experience}.") from None
        self.stdout.write(f"Writing to {experience} is {switch}{'' if changed else ' already'}.")

    def _name_of(self, drift_id: int) -> str:
        """Roblox's name of somebody who is no player here yet."""
        drift = Drift.objects.select_related("experience").filter(pk=drift_id, player=None).first()
        user_id = whole_number(drift.subject) if drift is not None else None
        if drift is None or drift.experience is None or user_id is None:
            return ""
        user = users.get(cloud.universe(drift.experience).client, user_id)
        return user.name if user else ""


def _waiting_and_parked() -> tuple[int, int]:
    """Mirrors that wait, and that are parked."""
    return pushing.pending().count(), Mirror.objects.filter(status=Mirror.Status.PARKED).count()


def _held_by(rank: str) -> str:
    held = pin_requests.affected(rank)
    if not held.count:
        return " Nobody holds the rank."
    count = f"More than {pin_requests.COUNTED:,}" if held.many else f"{held.count}"
    more = " and others" if held.count > len(held.some) else ""
    return f" {count} hold the rank: {', '.join(one.username for one in held.some)}{more}."


def _expected(job: SyncJob) -> int | None:
    """How much there was to list the last time, as the best guess for this one."""
    if job.limit is not None:
        return job.limit
    before = SyncJob.objects.filter(
        activity=job.activity, experience=job.experience, status=SyncJob.Status.DONE, limit=None
    )
    last = before.order_by("-pk").values_list("counters", flat=True).first()
    return int(last.get("listed", 0)) or None if last else None


def _counted(counters: dict[str, int]) -> str:
    first = [name for name in ("listed", "read", "changed", "adopted") if name in counters]
    others = sorted(set(counters) - {*first, "pages"})
    return ", ".join(f"{counters[name]:,} {name}" for name in first + others)


def _budget(job: SyncJob, seconds: float) -> str:
    """Describe what this process spends of each budget, in calls a minute."""
    client = cloud.universe(job.experience).client if job.experience else cloud.group().client
    parts = []
    for name, calls in client.pacer.spent.items():
        allowed = client.pacer.limit(BUDGETS[name])
        if allowed is not None and calls > 1:
            rate, most = calls / max(seconds, 1) * 60, allowed * 60 / BUDGETS[name].window
            parts.append(f"{name} {rate:.0f} of {most:.0f}/min")
    return ", ".join(parts)
