import datetime as dt
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audits.record import Actor, operator
from common import database_clock
from roblox import keys
from roblox.models import Experience, ExperienceKey


class Command(BaseCommand):
    help = "Create, rotate, revoke and list API keys of game servers. A new key is printed once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        create = acts.add_parser("create", help="create another key")
        create.add_argument("experience")
        create.add_argument("--days", type=int, help="days until it expires")
        rotate = acts.add_parser("rotate", help="create a key and end the others after an overlap")
        rotate.add_argument("experience")
        rotate.add_argument("--overlap-hours", type=int, default=24)
        revoke = acts.add_parser("revoke", help="end a key now")
        revoke.add_argument("prefix")
        revoke.add_argument("--reason", required=True)
        acts.add_parser("list", help="list keys without their secrets").add_argument(
            "experience", nargs="?"
        )

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        getattr(self, f"_{act}")(operator(), **options)

    def _create(self, actor: Actor, *, experience: str, days: int | None, **_: Any) -> None:
        expires_at = database_clock.now() + dt.timedelta(days=days) if days else None
        self._show(*keys.create(self._experience(experience), actor=actor, expires_at=expires_at))

    def _rotate(self, actor: Actor, *, experience: str, overlap_hours: int, **_: Any) -> None:
        overlap = dt.timedelta(hours=overlap_hours)
        self._show(*keys.rotate(self._experience(experience), actor=actor, overlap=overlap))

    def _revoke(self, actor: Actor, *, prefix: str, reason: str, **_: Any) -> None:
        key = ExperienceKey.objects.select_related("experience").filter(prefix=prefix).first()
        if key is None:
            raise CommandError(f"No key has the prefix {prefix}; `experience_key list` shows them.")
        keys.revoke(key, actor=actor, reason=reason)
        self.stdout.write(f"{key} is revoked.")

    def _list(self, actor: Actor, *, experience: str | None, **_: Any) -> None:
        found = ExperienceKey.objects.select_related("experience").order_by("experience__key", "id")
        if experience:
            found = found.filter(experience=self._experience(experience))
        for key in found:
            self.stdout.write(
                f"{key.experience.key}  {key}  created {key.created_at:%Y-%m-%d}  "
                f"last used {key.last_used_at or 'never'}  expires {key.expires_at or 'never'}"
                f"{'  REVOKED' if key.revoked_at else ''}"
            )

    def _experience(self, key: str) -> Experience:
        experience = Experience.objects.filter(key=key).first()
        if experience is None:
            raise CommandError(
                f"No experience has the key {key}; config/backend.integrations.json lists them."
            )
        return experience

    def _show(self, key: ExperienceKey, raw: str) -> None:
        self.stderr.write(f"The key of {key.experience.key}; it is not shown again:")
        self.stdout.write(raw)
