from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask, PeriodicTasks

from audits.record import Actor
from common import advisory_lock
from common.direct_database import direct
from common.parsing import whole_number
from grps_site.secret_rotation import fingerprints
from players.active_policy import ensure_active
from players.membership.status import can_be_asked
from players.moderation import experience_bounds
from players.points import recounting
from players.policy.validation import PolicyError
from players.privacy import marks
from players.ranks import membership_changes
from roblox.experiences import ConfiguredExperience, ensure
from roblox.models import Experience
from syncs.push import mirrors

LOCK = 4_710_020  # advisory lock: of two simultaneous bootstraps, the second finds nothing to do
ACTOR = Actor("system", "bootstrap", "bootstrap")

# Seconds between runs. A run without work costs very little.
PERIODIC = {
    "audits.seal": 5,
    "audits.mirror": 10,
    "webhooks.fan_out": 5,
    "webhooks.deliver": 5,
    "webhooks.sweep": 60,
    "players.fold_standings": 5,
    "players.evaluate_due": 600,
    "players.end_sanctions": 20,
    "players.follow_hosted_events": 60,
    "players.follow_leaves": 60,
    "players.take_down_figures": 120,
    "players.roll_up_statistics": 15,
    "players.count_ranks": 60,
    "players.count_period_players": 300,
    "players.close_periods": 60,
    "players.judge_quotas": 300,
    "players.keep_positions": 300,
    "players.carry_out_erasures": 30,
    "players.carry_out_bulk": 5,
    "players.simulate": 5,
    "players.check_names": 10,
    "players.fetch_avatars": 5,
    "players.release_quarantines": 5,
    "players.apply_counting": 60,
    "discord.answer": 5,
    "discord.post_queue": 15,
    "syncs.run_jobs": 10,
    "syncs.push_mirrors": 5,
    "syncs.drain_queues": 15,
    "syncs.erase_stores": 60,
    "syncs.read_memberships": 5,
    "syncs.follow_group": 60,
    "syncs.follow_join_requests": 60,
    "syncs.purge_memberships": 3600,
    "syncs.pull_leaderboard": 3600,
    "discord.push_roles": 5,
    "discord.read_members": 60,
    "roblox.check_keys": 6 * 3600,
    "players.apply_adjustments": 10,
    "players.run_imports": 10,
    "grps_site.heartbeat": 10,
    "grps_site.sync_heartbeat": 10,
    "grps_site.webhook_heartbeat": 10,
    "grps_site.purge_nonces": 600,
    "grps_site.purge_sessions": 3600,
    "grps_site.tell_refused_sign_ins": 60,
}
FORMER_NAMES = ("players.end_bans", "syncs.apply_adjustments")  # periodic tasks of earlier versions
# Hour and minute (UTC). Members come first, so that ranks are known when points arrive.
NIGHTLY = {
    "syncs.check_policy": ("2", "15"),
    "syncs.pull_members": ("2", "30"),
    "syncs.pull_restrictions": ("3", "0"),
    "syncs.pull_points": ("3", "30"),
    "webhooks.purge": ("4", "30"),
    "grps_site.forget_addresses": ("4", "45"),
    "grps_site.purge_old_rows": ("5", "0"),
}


class Command(BaseCommand):
    help = "Seed experiences, policy version 1 with its ranks, and the periodic tasks. Safe to run again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--quiet", action="store_true", help="print nothing on success")

    def handle(self, *args: Any, quiet: bool, **options: Any) -> None:
        with direct(), transaction.atomic():
            advisory_lock.lock(LOCK)
            done = [
                *self._experiences(),
                *self._policy(),
                *self._bounds(),
                *self._counts(),
                *self._members(),
                *self._marks(),
            ]
            done += self._tasks()
        if not quiet:
            self.stdout.write("\n".join(done or ["Everything exists already."]))

    def _experiences(self) -> list[str]:
        changed = []
        for configured in settings.INTEGRATIONS.experiences:
            universe = configured.universe_id.value()
            if universe and whole_number(universe) is None:
                raise CommandError(
                    f"{configured.universe_id.env} is {universe!r}; a universe id is a whole number."
                )
            wanted = ConfiguredExperience(
                configured.key, configured.name, int(universe) if universe else None
            )
            if ensure(wanted, actor=ACTOR):
                changed.append(f"Experience {configured.key} is up to date.")
                if wanted.universe_id is not None:
                    mirrors.complete(Experience.objects.get(key=configured.key))
        return changed

    def _policy(self) -> list[str]:
        try:
            made = ensure_active(settings.POLICY_DIR)
        except PolicyError as error:
            raise CommandError(f"The policy files are not valid:\n{error}") from None
        return ["Policy version 1 is active."] if made else []

    def _bounds(self) -> list[str]:
        """Adopt tighter bounds of experiences. Looser ones need two owners."""
        done = []
        for configured in settings.INTEGRATIONS.experiences:
            if experience_bounds.adopt(configured.key, actor=ACTOR):
                done.append(f"The bounds of {configured.key} are tighter now.")
            done += [
                f"{configured.key} wants more than two owners let it have ({more}): ask for it in the console."
                for more in experience_bounds.missing(configured.key)
            ]
        return done

    def _members(self) -> list[str]:
        """List players of unknown membership, but only if no group is configured."""
        word = "hidden" if can_be_asked() else "listed"
        changed = membership_changes.list_unknown(not can_be_asked())
        return [f"{changed} players of unknown membership are {word} now."] if changed else []

    def _counts(self) -> list[str]:
        """Stop counting what the file no longer counts. Counting more needs two owners."""
        done = []
        for configured in settings.INTEGRATIONS.experiences:
            if recounting.adopt(configured.key, actor=ACTOR):
                done.append(f"Less of {configured.key} counts now.")
            done += [
                f"{configured.key}: {more} does not count until two owners let it; ask for it in the console."
                for more in recounting.missing(configured.key)
            ]
        return done

    def _marks(self) -> list[str]:
        """Check that every mark of an erased person can be recognised with the present keys."""
        lost = marks.lost_key_ids()
        if lost:
            raise CommandError(
                f"Marks of erased people need keys that are not configured ({', '.join(sorted(lost))}): "
                "without them late events bring these people back. Put the former value back into "
                "ERASURE_MARK_KEYS, or the former DJANGO_SECRET_KEY into DJANGO_SECRET_KEY_FALLBACKS "
                "and run `manage.py secrets rotate ERASURE_MARK_KEYS`."
            )
        fingerprints.note()  # the age of a secret counts from the first release that has it
        if settings.ERASURE_MARK_KEYS or not settings.PRODUCTION:
            return []
        return ["ERASURE_MARK_KEYS is not set: run `manage.py secrets rotate ERASURE_MARK_KEYS`."]

    def _tasks(self) -> list[str]:
        """Add missing periodic tasks. Changes by an operator stay."""
        PeriodicTask.objects.filter(name__in=FORMER_NAMES).delete()
        there = set(PeriodicTask.objects.values_list("name", flat=True))
        periodic = {name: seconds for name, seconds in PERIODIC.items() if name not in there}
        nightly = {name: at for name, at in NIGHTLY.items() if name not in there}
        intervals, crontabs = _intervals(set(periodic.values())), _crontabs(set(nightly.values()))
        tasks = [_every(name, intervals[seconds]) for name, seconds in periodic.items()]
        tasks += [_nightly(name, crontabs[at]) for name, at in nightly.items()]
        if tasks:
            PeriodicTask.objects.bulk_create(tasks)
            PeriodicTasks.update_changed()
        return [f"{task.name} runs {task.schedule}." for task in tasks]


def _intervals(wanted: set[int]) -> dict[int, IntervalSchedule]:
    """Return intervals by seconds. They are created together, which notifies beat once."""
    every_seconds = IntervalSchedule.objects.filter(period=IntervalSchedule.SECONDS)
    there = {one.every: one for one in every_seconds}
    missing = [
        IntervalSchedule(every=every, period=IntervalSchedule.SECONDS)
        for every in sorted(wanted - set(there))
    ]
    return there | {one.every: one for one in IntervalSchedule.objects.bulk_create(missing)}


def _crontabs(wanted: set[tuple[str, str]]) -> dict[tuple[str, str], CrontabSchedule]:
    """Return daily crontabs by hour and minute (UTC)."""
    every_day = CrontabSchedule.objects.filter(
        day_of_week="*", day_of_month="*", month_of_year="*", timezone="UTC"
    )
    there = {(one.hour, one.minute): one for one in every_day}
    missing = [
        CrontabSchedule(hour=hour, minute=minute, timezone="UTC")
        for hour, minute in sorted(wanted - set(there))
    ]
    return there | {
        (one.hour, one.minute): one for one in CrontabSchedule.objects.bulk_create(missing)
    }


def _every(name: str, interval: IntervalSchedule) -> PeriodicTask:
    # Expires, so that a worker that was stopped does not repeat it a hundred times afterwards.
    return PeriodicTask(
        name=name, task=name, interval=interval, expire_seconds=max(30, interval.every)
    )


def _nightly(name: str, crontab: CrontabSchedule) -> PeriodicTask:
    # Half a day, so that a worker that was stopped at night still runs it in the morning.
    return PeriodicTask(name=name, task=name, crontab=crontab, expire_seconds=12 * 3600)
