from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from common import heartbeats
from common.direct_database import connected_to, direct
from players import leaderboard
from players.points import consistency


class Command(BaseCommand):
    help = "Check that ledger, sessions, days, players and leaderboard agree; or count the leaderboard anew."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["verify", "rebuild-leaderboard"])
        text = "verify the replica (DATABASE_REPLICA_URL) instead of the primary"
        parser.add_argument("--replica", action="store_true", help=text)
        heartbeats.add_argument(parser)

    def handle(self, *args: Any, what: str, **options: Any) -> None:
        with heartbeats.reporting(options["heartbeat"]):
            self._run(what, by_replica=options["replica"])

    def _run(self, what: str, *, by_replica: bool) -> None:
        if what == "rebuild-leaderboard":
            leaderboard.rebuild()
            self.stdout.write("The leaderboard's counts are made anew from the players.")
            return
        if by_replica and not settings.DATABASE_REPLICA_URL:
            raise CommandError("DATABASE_REPLICA_URL is not set.")
        with connected_to(settings.DATABASE_REPLICA_URL) if by_replica else direct():
            findings = consistency.verify()
        for finding in findings:
            self.stderr.write(f"{finding.kind}: {finding.rows} rows disagree")
        if findings:
            raise CommandError("The books do not agree; docs/recover.md says what to do.")
        self.stdout.write("Ledger, sessions, days, players, batches and leaderboard agree.")
