import sys
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from audits.record import operator
from common import database_clock
from common.errors import Refused
from common.parsing import whole_number
from players.active_policy import active
from players.moderation.actors import at_the_shell
from players.moderation.command import Command as ModerationCommand
from roblox import cloud, write_hold
from roblox.experiences import set_writes
from roblox.models import Experience
from roblox.open_cloud import users
from roblox.open_cloud.errors import OpenCloudError
from syncs import drift, jobs
from syncs.management.job_progress import describe, follow
from syncs.models import Drift, SyncJob
from syncs.push import mirrors, runner
from syncs.roles import pin_requests, pins


class Command(BaseCommand):
    help = (
        "Pull from Roblox (points, leaderboard, members, restrictions, policy-drift), and manage"
        " jobs, mirrors, role pins and drift. A pull exits with 0 when it is done, 1 when it failed,"
        " 2 when it waits, is paused or was cancelled."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_subparsers(dest="act", required=True).add_parser
        for activity in SyncJob.Activity:
            _add_pull(add(activity.value, help=f"pull {activity.value} now"), activity)
        add("jobs", help="list the latest jobs")
        for act in ("cancel", "pause", "resume"):
            job = add(act, help=f"{act} a job")
            job.add_argument("job_id", type=int)
            job.add_argument("--reason", default="")
        confirm = add("confirm", help="continue a job that waits for a person")
        confirm.add_argument("job_id", type=int)
        _add_mirrors(add("mirrors", help="show the writes to Roblox that wait, and push them"))
        add("roles", help="read the group's roles and show which rank each stands for")
        pin = add("pin", help="pin a role of the group to a rank")
        pin.add_argument("rank")
        pin.add_argument("--role", type=int, required=True, help="its id, from `sync roles`")
        add("drift", help="list the differences between Roblox and GRPS")
        writes = add("writes", help="allow or forbid writes to an experience's universe")
        writes.add_argument("experience")
        writes.add_argument("switch", choices=["on", "off"])
        adopt = add("adopt", help="resolve a difference: take over what Roblox shows")
        push = add("push", help="resolve a difference: write what GRPS says")
        for resolve in (adopt, push):
            resolve.add_argument("drift_id", type=int)
        for with_reason in (confirm, pin, writes, adopt, push):
            with_reason.add_argument("--reason", required=True)

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        self.console = Console(file=self.stdout, soft_wrap=True)  # type: ignore[arg-type]
        try:
            if act in SyncJob.Activity.values:
                self._pull(act, options)
            else:
                getattr(self, f"_{act}")(**options)
        except (Refused, cloud.NotConfigured, OpenCloudError) as reason:
            raise CommandError(str(reason)) from None

    def _pull(self, activity: str, options: dict[str, Any]) -> None:
        how = jobs.Options(options["dry_run"], options["full"], options["limit"])
        worst = 0
        for target in self._targets(activity, options.get("experience")):
            job, _ = jobs.request(activity, target, actor=operator(), options=how)
            worst = max(worst, follow(job, self.console))
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

    def _jobs(self, **_: Any) -> None:
        table = Table("id", "activity", "experience", "status", "counters", "asked by", "error")
        now = database_clock.now()
        for job in SyncJob.objects.select_related("experience").order_by("-pk")[:20]:
            key = job.experience.key if job.experience else ""
            status = jobs.present_status(job, now)
            counted = describe(job.counters)
            table.add_row(
                str(job.pk), job.activity, key, status, counted, job.requested_by, job.error
            )
        self.console.print(table)

    def _cancel(self, *, job_id: int, reason: str, **_: Any) -> None:
        self._stop(jobs.cancel, job_id, reason)

    def _pause(self, *, job_id: int, reason: str, **_: Any) -> None:
        self._stop(jobs.pause, job_id, reason)

    def _stop(self, stop: Callable[..., SyncJob], job_id: int, reason: str) -> None:
        job = stop(job_id, actor=operator(), reason=reason)
        state = "stops at its next page" if job.wanted else job.status
        self.stdout.write(f"Job {job.pk}: {state}.")

    def _resume(self, *, job_id: int, reason: str, **_: Any) -> None:
        job = jobs.resume(job_id, actor=operator(), reason=reason)
        self.stdout.write(f"Job {job.pk} continues.")

    def _confirm(self, *, job_id: int, reason: str, **_: Any) -> None:
        job = jobs.confirm(job_id, by=at_the_shell(), reason=reason)
        self.stdout.write(f"Job {job.pk} continues.")

    def _mirrors(self, *, limit: int, push: bool, retry_parked: bool, **_: Any) -> None:
        if retry_parked:
            count = mirrors.retry_parked(database_clock.now())
            self.stdout.write(f"{count} parked mirrors are tried again.")
        if push:
            self._push_now()
        parked = mirrors.parked()
        why = write_hold.why_off()
        state = f"OFF. {why} Nothing is written." if why else "on."
        self.stdout.write(
            f"{runner.pending().count()} mirrors wait, {parked.count()} are parked; writing is"
            f" {state}"
        )
        for desired, lines in runner.preview(limit):
            where = desired.experience.key if desired.experience else "group"
            self.stdout.write(f"{where}, {desired.player.username} ({desired.player.user_id}):")
            for line in lines:
                self.stdout.write(f"    {line}")
        for row in parked.select_related("player")[:limit]:
            player = f"{row.player.username} ({row.player.user_id})"
            self.stdout.write(f"parked: {row.aspect} of {player}: {row.reason}")

    def _push_now(self) -> None:
        if why := write_hold.why_off():
            raise CommandError(why)
        while runner.step():
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
        row = pin_requests.pin(rank, role, _command(reason))
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
        row = drift.adopt(drift_id, _command(reason), self._name_of(drift_id))
        self.stdout.write(f"{row}: GRPS took over what Roblox shows.")

    def _push(self, *, drift_id: int, reason: str, **_: Any) -> None:
        row = drift.push(drift_id, _command(reason))
        self.stdout.write(f"{row}: Roblox will be written.")

    def _writes(self, *, experience: str, switch: str, reason: str, **_: Any) -> None:
        try:
            changed = set_writes(experience, switch == "on", actor=operator(), reason=reason)
        except Experience.DoesNotExist:
            raise CommandError(f"No experience has the key {experience}.") from None
        self.stdout.write(f"Writing to {experience} is {switch}{'' if changed else ' already'}.")

    def _name_of(self, drift_id: int) -> str:
        """Return Roblox's name of a user who is no player yet, "" otherwise."""
        row = Drift.objects.select_related("experience").filter(pk=drift_id, player=None).first()
        user_id = whole_number(row.subject) if row is not None else None
        if row is None or row.experience is None or user_id is None:
            return ""
        user = users.get(cloud.universe(row.experience).client, user_id)
        return user.name if user else ""


def _add_pull(parser: ArgumentParser, activity: SyncJob.Activity) -> None:
    if activity not in jobs.OF_THE_GROUP:
        parser.add_argument("experience", nargs="?", help="its key; all experiences by default")
    parser.add_argument("--dry-run", action="store_true", help="show what would change")
    parser.add_argument("--full", action="store_true", help="read unchanged entries too")
    parser.add_argument("--limit", type=int, help="read at most this many entries")


def _add_mirrors(parser: ArgumentParser) -> None:
    parser.add_argument("--limit", type=int, default=25)
    parser.add_argument("--push", action="store_true", help="write what is due now")
    parser.add_argument("--retry-parked", action="store_true", help="try parked mirrors again")


def _command(reason: str) -> ModerationCommand:
    return ModerationCommand(by=at_the_shell(), reason=reason, now=database_clock.now())


def _held_by(rank: str) -> str:
    held = pin_requests.affected(rank)
    if not held.count:
        return " Nobody holds the rank."
    count = f"More than {pin_requests.COUNTED:,}" if held.many else f"{held.count}"
    more = " and others" if held.count > len(held.some) else ""
    return f" {count} hold the rank: {', '.join(one.username for one in held.some)}{more}."
