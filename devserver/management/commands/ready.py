import datetime as dt
import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from audits.record import Actor
from common.environment import STATE_DIR, env, owner_database_url
from console.management.commands.staff import make_local_owner
from devserver import community, emulator
from devserver.portal import registration
from devserver.state import State, write_private
from roblox import keys
from roblox.models import Experience

OWNER = "owner"
DEPUTY = "deputy"  # the second person for acts that need two
LOCAL_PULLS = {
    "syncs.pull_members": 45,
    "syncs.pull_leaderboard": 30,
    "syncs.pull_points": 60,
    "syncs.pull_restrictions": 60,
    "syncs.check_policy": 300,
}
# So that the first page has players, and figures of their past.
AT_ONCE = (
    "syncs.pull_members",
    "syncs.pull_leaderboard",
    "players.close_periods",
    "players.count_ranks",
    "players.keep_positions",
)
ACTOR = Actor("system", "make-up", "make up")


class Command(BaseCommand):
    help = "For `make up` only: create two local owners and API keys, and write ready.json."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", required=True)
        parser.add_argument(
            "--prepare",
            action="store_true",
            help="migrate and bootstrap first, and write ready.draft.json, which `make up` renames",
        )

    def handle(self, *args: Any, url: str, prepare: bool, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError(
                "`ready` creates local owners with a password on disk and is not for production."
            )
        if prepare:
            call_command("migrate", verbosity=0)
            call_command("bootstrap", quiet=True)
            if emulator.is_local(settings.OPEN_CLOUD_URL):
                self._pull_often()
                community.found(timezone.now())
        state = State.at(STATE_DIR)
        password = state.secrets()["LOCAL_ADMIN_PASSWORD"]
        for name in (OWNER, DEPUTY):
            make_local_owner(name, password)
        ready: dict[str, Any] = {
            "url": url,
            "databaseUrl": env.str("DATABASE_URL"),
            "ownerDatabaseUrl": owner_database_url() or env.str("DATABASE_URL"),
            "redisUrl": settings.REDIS_URL,
            "admin": {"username": OWNER, "password": password, "deputy": DEPUTY},
            "experiences": self._experiences(state.folder / "keys.json"),
            "signatureSecret": settings.AUTOMATION_SIGNATURE_SECRET,
            "metricsToken": settings.METRICS_TOKEN,
            "openCloud": {"url": settings.OPEN_CLOUD_URL, "groupId": settings.ROBLOX_GROUP_ID},
        }
        if portal_url := env.str("PORTAL_URL", default=""):
            ready["portal"] = registration.register(state, portal_url, ACTOR)
        name = "ready.draft.json" if prepare else "ready.json"
        write_private(state.folder / name, json.dumps(ready, indent=1))

    def _pull_often(self) -> None:
        """Run the nightly pulls every minute, since the emulator's players are active all day."""
        for name, seconds in LOCAL_PULLS.items():
            every, _ = IntervalSchedule.objects.get_or_create(
                every=seconds, period=IntervalSchedule.SECONDS
            )
            PeriodicTask.objects.filter(name=name).update(
                interval=every, crontab=None, expire_seconds=seconds
            )
        PeriodicTask.objects.filter(name__in=AT_ONCE).update(
            last_run_at=timezone.now() - dt.timedelta(days=1)
        )
        PeriodicTasks.update_changed()

    def _experiences(self, file: Path) -> list[dict[str, str]]:
        """Return a key for each experience: the key of earlier starts, or a new one."""
        known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
        for experience in Experience.objects.filter(enabled=True):
            if not self._is_valid(known.get(experience.key, ""), experience):
                known[experience.key] = keys.create(experience, actor=ACTOR)[1]
        write_private(file, json.dumps(known))
        return [{"key": key, "apiKey": raw} for key, raw in sorted(known.items())]

    def _is_valid(self, raw: str, experience: Experience) -> bool:
        try:
            return keys.authenticate(raw) == experience
        except keys.KeyRefused:
            return False
