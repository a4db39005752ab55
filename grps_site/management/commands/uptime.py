import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from grps_site.ops import uptime


class Command(BaseCommand):
    help = "Print what an uptime service should check, as JSON for its API."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("service", choices=sorted(uptime.SERVICES))
        parser.add_argument("base", help="the public address, such as https://grps.example.org")

    def handle(self, *args: Any, service: str, base: str, **options: Any) -> None:
        base = base.rstrip("/")
        if not base.startswith(("https://", "http://")):
            raise CommandError(f"{base!r} is not an address such as https://grps.example.org.")
        jobs = {**uptime.JOBS, **dict.fromkeys(settings.HEARTBEAT_URLS, 0)}
        definitions = uptime.SERVICES[service](base, jobs)
        self.stdout.write(json.dumps(definitions, indent=2))
