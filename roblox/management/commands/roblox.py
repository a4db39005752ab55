from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from roblox import cloud, key_health, write_hold
from roblox.models import Experience
from roblox.open_cloud import data_stores, groups
from roblox.open_cloud.errors import OpenCloudError

SOMEBODY = 1  # whose entry is read, whether there is one or not


class Command(BaseCommand):
    help = (
        "doctor: check what the keys may do and whether the group and each experience's data stores"
        " can be read, and say what to fix in Creator Hub. Exits with 1 if there is a problem."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("act", choices=["doctor"])

    def handle(self, *args: Any, **options: Any) -> None:
        self.problems: list[str] = []
        console = Console(file=self.stdout)  # type: ignore[arg-type]
        off = write_hold.why_off()
        writes = f"off: {off}" if off else "on."
        console.print(f"Open Cloud at {settings.OPEN_CLOUD_URL}; writes are {writes}")
        try:
            self._keys(console)
            self._experiences()
            self._group(console)
        except OpenCloudError as error:
            self.problems.append(str(error))
        for problem in self.problems:
            console.print(f"- {problem}", style="red", soft_wrap=True)
        if self.problems:
            raise CommandError(f"{len(self.problems)} things to mend.")
        console.print("All is well.", style="green")

    def _keys(self, console: Console) -> None:
        found = key_health.check_all()
        if not found:
            self.problems.append("No Open Cloud key is configured: set ROBLOX_OPEN_CLOUD_API_KEY.")
        table = Table("key", "name", "owner", "expires", "last used", "for")
        for key in found:
            expires = f"{key.expires_at:%Y-%m-%d}" if key.expires_at else "never"
            used = f"{key.last_used_at:%Y-%m-%d}" if key.last_used_at else "never"
            owner = str(key.owner_user_id or "")
            table.add_row(
                key.fingerprint, key.name, owner, expires, used, ", ".join(key.experiences)
            )
            self.problems += [
                f"{key.name or key.fingerprint}: {problem}" for problem in key.problems
            ]
        console.print(table)

    def _experiences(self) -> None:
        for experience in Experience.objects.filter(enabled=True):
            try:
                universe = cloud.universe(experience)
                data_stores.read(universe.client, universe.store, universe.key(SOMEBODY))
            except cloud.NotConfigured as missing:
                self.problems.append(str(missing))
            except OpenCloudError as refused:
                self.problems.append(f"The data stores of {experience.key}: {refused}")

    def _group(self, console: Console) -> None:
        try:
            group = cloud.group()
        except cloud.NotConfigured as missing:
            self.problems.append(str(missing))
            return
        roles = groups.roles(group.client, group.id)
        console.print(f"Group {group.id} has {len(roles)} roles.")
        try:
            groups.log(group.client, group.id)
        except OpenCloudError as refused:
            if refused.status != 403:
                raise
            console.print(
                f"The group's log is not followed, which is optional: {refused}", soft_wrap=True
            )
