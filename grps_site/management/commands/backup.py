import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from common import database_clock, heartbeats
from grps_site.backup import destinations, encryption, keys, retention
from grps_site.backup.drill import drill
from grps_site.backup.errors import BackupError


class Command(BaseCommand):
    help = "Make an encrypted backup, restore one as a drill, or list the keys to keep elsewhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        make = acts.add_parser("make", help="make one, and delete those that are kept no longer")
        where = (
            "a folder, https://… for one PUT, or rclone:REMOTE:PATH; default: BACKUP_DESTINATION"
        )
        make.add_argument("destination", nargs="?", default="", metavar="DEST", help=where)
        make.add_argument("--keep-all", action="store_true", help="delete no old backup")
        drilling = acts.add_parser(
            "drill", help="restore one and check it; exit code 1 if it fails"
        )
        drilling.add_argument(
            "file", nargs="?", default="", help="default: the newest in BACKUP_DESTINATION"
        )
        drilling.add_argument(
            "--target-url",
            default="",
            help="an empty database, which is kept; default: a scratch one",
        )
        drilling.add_argument(
            "--identity", default="", help="the file of the private key; default: BACKUP_IDENTITY"
        )
        for parser_of_act in (make, drilling):
            heartbeats.add_argument(parser_of_act)
        acts.add_parser("keys", help="what must be kept elsewhere, by fingerprints")

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        with heartbeats.reporting(options.pop("heartbeat", None)):
            try:
                getattr(self, f"_{act}")(**options)
            except BackupError as error:
                raise CommandError(str(error)) from None

    def _make(self, *, destination: str, keep_all: bool, **_: Any) -> None:
        place = destinations.parse(destination or settings.BACKUP_DESTINATION)
        made = place.make()
        contents = made.manifest.contents
        self.stdout.write(
            f"{made.path.name}: {made.manifest.bytes:,} bytes, {sum(contents.tables.values()):,} rows"
            f" in {len(contents.tables)} tables, up to seal {contents.last_seal.number}."
        )
        if not made.manifest.has_seals:
            self.stderr.write("This machine has no seal file, so the backup has no copy of it.")
        elif made.behind:
            self.stderr.write(f"The copied seal file lacks {made.behind} seals: see docs/audit.md.")
        for name in [] if keep_all else retention.expired(place.names(), database_clock.now()):
            place.delete(name)
            self.stdout.write(f"{name} is deleted: docs/backup.md says how long one is kept.")

    def _drill(self, *, file: str, target_url: str, identity: str, **_: Any) -> None:
        if not (identity or settings.BACKUP_IDENTITY):
            raise CommandError("Give --identity: the file of a private key that fits the backup.")
        identities = encryption.read_identities(Path(identity or settings.BACKUP_IDENTITY))
        with tempfile.TemporaryDirectory(prefix="grps-drill-") as folder:
            path = Path(file) if file else _newest(Path(folder))
            report = drill(path, target_url, identities)
        self.stdout.write(f"{path.name}, made {report.manifest.made_at}")
        for line in report.lines:
            self.stdout.write(f"  {line}")
        for finding in report.findings:
            self.stderr.write(finding)
        if report.findings:
            raise CommandError(f"The drill failed: {len(report.findings)} findings.")
        self.stdout.write("The backup can be restored and holds.")

    def _keys(self, **_: Any) -> None:
        self.stdout.write("Keep these where neither the database nor its backups are:")
        for key in keys.kept_elsewhere():
            self.stdout.write(f"  {key.name}: {key.fingerprint}")
            if key.without_it:
                self.stdout.write(f"    without it: {key.without_it}")


def _newest(folder: Path) -> Path:
    place = destinations.parse(settings.BACKUP_DESTINATION)
    name = retention.newest(place.names())
    if name is None:
        raise BackupError("BACKUP_DESTINATION has no backup: `manage.py backup make` makes one.")
    return place.fetch(name, folder)
