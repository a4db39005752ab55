import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from discord import writes
from discord.bot import NotConfigured, bot
from discord.interactions.commands import definitions
from discord.models import DiscordLink, RoleMirror
from discord.rest import commands
from discord.rest.errors import DiscordError
from discord.roles import checks, guild, reading, runner
from discord.roles.guild import GuildProblem


class Command(BaseCommand):
    help = (
        "Check the set-up of Discord, register the application's commands, and show or give the"
        " roles that wait (docs/discord.md)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_subparsers(dest="act", required=True).add_parser
        add("check", help="check each step of the set-up; exits with 1 if one is not done")
        add("register", help="register the application's commands in the server")
        sync = add("sync", help="show the changes of roles that wait, and make them")
        sync.add_argument("--limit", type=int, default=20, help="changes to show")
        sync.add_argument("--push", action="store_true", help="make the changes that are due now")
        sync.add_argument("--read", action="store_true", help="read all members first")
        sync.add_argument("--retry-parked", action="store_true", help="try parked ones again")

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        try:
            getattr(self, f"_{act}")(**options)
        except (NotConfigured, DiscordError, GuildProblem) as reason:
            raise CommandError(str(reason)) from None

    def _check(self, **_: Any) -> None:
        found = list(checks.findings())
        for finding in found:
            self.stdout.write(f"{'ok     ' if finding.ok else 'PROBLEM'}  {finding.text}")
        if not all(finding.ok for finding in found):
            sys.exit(1)

    def _register(self, **_: Any) -> None:
        wanted = definitions()
        found = bot()
        registered = commands.register(found.client, found.application_id, found.guild_id, wanted)
        names = ", ".join(sorted(command.name for command in registered))
        self.stdout.write(f"{len(registered)} commands are registered: {names}.")

    def _sync(self, *, limit: int, push: bool, read: bool, retry_parked: bool, **_: Any) -> None:
        if retry_parked:
            self.stdout.write(f"{guild.retry_parked()} parked ones are tried again.")
        if read:
            self._read()
        if push:
            self._push()
        why = writes.why_off() or writes.roles_off()
        waiting = RoleMirror.objects.filter(status=RoleMirror.Status.PENDING).count()
        self.stdout.write(
            f"{DiscordLink.objects.count()} accounts are linked, the roles of {waiting} wait;"
            f" writing is {f'OFF. {why}' if why else 'on.'}"
        )
        for row, lines in runner.preview(limit):
            self.stdout.write(f"Discord account {row.discord_id}: {', '.join(lines)}")
        for row in RoleMirror.objects.filter(status=RoleMirror.Status.PARKED)[:limit]:
            self.stdout.write(f"parked: Discord account {row.discord_id}: {row.reason}")

    def _read(self) -> None:
        reading.want()
        read = 0
        while taken := reading.step():
            read += taken
        self.stdout.write(f"{read} members were read.")

    def _push(self) -> None:
        if why := writes.why_off() or writes.roles_off():
            raise CommandError(why)
        pushed = 0
        while taken := runner.step():
            pushed += taken
        self.stdout.write(f"The roles of {pushed} accounts were compared and set.")
