from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from audits.record import operator
from players.policies import NoPolicy, RankInUse, activate, active
from players.policy.bundle import PolicyError, load_bundle


class Command(BaseCommand):
    help = "Check a folder of policy files, show the active policy, or put a folder's policy in force."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["check", "show", "activate"])
        parser.add_argument("folder", nargs="?", type=Path, default=settings.POLICY_DIR)
        parser.add_argument("--reason", default="", help="why it is activated; required")

    def handle(self, *args: Any, what: str, folder: Path, reason: str, **options: Any) -> None:
        if what == "show":
            self._show()
            return
        try:
            bundle = load_bundle(folder)
        except PolicyError as error:
            raise CommandError(str(error)) from None
        if what == "check":
            self.stdout.write(f"{folder}: {len(bundle.ranks)} ranks, version {bundle.version}; nothing wrong.")
            return
        if not reason.strip():
            raise CommandError("--reason is required: say why the rules change.")
        try:
            version = activate(bundle, actor=operator(), reason=reason)
        except RankInUse as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"Policy {version.number} ({bundle.version}) is in force.")

    def _show(self) -> None:
        try:
            policy = active()
        except NoPolicy as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"Policy {policy.number} ({policy.bundle.version}), {len(policy.bundle.ranks)} ranks:")
        for rank in policy.bundle.ranks:
            self.stdout.write(f"  {rank.name:<22} {rank.level:<6} from {rank.min_points / 100:g}")
