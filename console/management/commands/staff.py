import getpass
import secrets
from argparse import ArgumentParser
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from audits.actions import Action
from audits.record import Target, record
from common import database_clock
from common.errors import Refused
from console.accounts import identity, role_grants
from console.models import RoleGrant, StaffAccount
from players.moderation.actors import at_the_shell
from players.moderation.command import Command as ActCommand


class Command(BaseCommand):
    help = (
        "Who gets into the console, as the operator of this machine: roles, local owners, sessions."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        for verb, words in (("grant", "give a Roblox user a role"), ("revoke", "take a role away")):
            act = acts.add_parser(verb, help=words)
            act.add_argument("user_id", type=int)
            act.add_argument("role", choices=RoleGrant.Role.values)
            act.add_argument("--reason", required=True)
        acts.add_parser("list", help="roles, and local owners")
        local = acts.add_parser(
            "local-owner", help="make a local owner, or give one a new password"
        )
        local.add_argument("name")
        local.add_argument(
            "--generate", action="store_true", help="make the password up and print it once"
        )
        local.add_argument(
            "--remove", action="store_true", help="take the local owner's account away"
        )
        link = acts.add_parser("link", help="say which Roblox user a local owner is")
        link.add_argument("name")
        link.add_argument("user_id", type=int)
        link.add_argument("--reason", required=True)
        unlink = acts.add_parser("unlink", help="take that back")
        unlink.add_argument("name")
        unlink.add_argument("--reason", required=True)
        acts.add_parser("sessions", help="everybody's sessions")
        acts.add_parser("end-sessions", help="sign a Roblox user out everywhere").add_argument(
            "user_id", type=int
        )

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        do = getattr(self, f"_{act.replace('-', '_')}")
        try:
            do(**options)
        except Refused as refusal:
            raise CommandError(str(refusal)) from None

    def _grant(self, user_id: int, role: str, reason: str, **_: Any) -> None:
        role_grants.grant(user_id, role, _command(reason))
        self.stdout.write(f"{user_id} is {role} now.")

    def _revoke(self, user_id: int, role: str, reason: str, **_: Any) -> None:
        role_grants.revoke(user_id, role, _command(reason))
        self.stdout.write(f"{user_id} is {role} no more.")

    def _list(self, **_: Any) -> None:
        for one in RoleGrant.objects.filter(revoked_at=None).order_by("role", "pk"):
            self.stdout.write(
                f"{one.role:<11} {one.user_id:<20} since {one.granted_at:%Y-%m-%d}, by {one.granted_by}"
            )
        for account in StaffAccount.objects.filter(roblox_id=None).select_related("user"):
            linked = f"Roblox user {account.same_as}" if account.same_as else "unlinked"
            self.stdout.write(f"local owner {account.user.get_username()}, {linked}")

    def _link(self, name: str, user_id: int, reason: str, **_: Any) -> None:
        player = identity.link(_local(name), user_id, by=at_the_shell(), reason=reason)
        self.stdout.write(f"{name} and {player.username} are one person now.")

    def _unlink(self, name: str, reason: str, **_: Any) -> None:
        identity.unlink(_local(name), by=at_the_shell(), reason=reason)
        self.stdout.write(f"{name} is unlinked.")

    def _local_owner(self, name: str, generate: bool, remove: bool, **_: Any) -> None:
        if remove:
            self._remove(name)
            return
        password = (
            secrets.token_urlsafe(18)
            if generate
            else getpass.getpass("Password (12 characters or more): ")
        )
        if len(password) < 12:
            raise CommandError("The password has fewer than 12 characters: take a longer one.")
        make_local_owner(name, password)
        self.stdout.write(
            f"{name} is a local owner."
            + (f" The password, shown only once: {password}" if generate else "")
        )

    def _remove(self, name: str) -> None:
        account = (
            StaffAccount.objects.select_related("user")
            .filter(roblox_id=None, user__username=name)
            .first()
        )
        if account is None:
            raise CommandError(f"There is no local owner {name!r}.")
        with transaction.atomic():
            target = Target("user", "", name, f"staff:{account.user_id}")
            record(
                Action.ACCESS_REVOKED,
                actor=at_the_shell().actor,
                target=target,
                details={"role": "local owner"},
            )
            account.user.delete()
        self.stdout.write(f"{name} is no local owner any more.")

    def _sessions(self, **_: Any) -> None:
        for one in UserSession.objects.select_related("user").order_by("-last_seen_at"):
            self.stdout.write(
                f"{one.user.get_username():<28} {one.ip:<40} last active {one.last_seen_at:%Y-%m-%d %H:%M}"
            )

    def _end_sessions(self, user_id: int, **_: Any) -> None:
        found = list(UserSession.objects.filter(user__account__roblox_id=user_id))
        for session in found:
            session.end()
        self.stdout.write(f"{len(found)} sessions ended.")


def _command(reason: str) -> ActCommand:
    return ActCommand(by=at_the_shell(), reason=reason, now=database_clock.now())


def _local(name: str) -> StaffAccount:
    found = StaffAccount.objects.filter(roblox_id=None, user__username=name).first()
    if found is None:
        raise CommandError(f"There is no local owner {name!r}.")
    return found


def make_local_owner(name: str, password: str) -> None:
    """Create a local owner, or set their password. A new owner is recorded in the audit log."""
    with transaction.atomic():
        user, _ = get_user_model().objects.get_or_create(username=name)
        if not user.check_password(password):
            user.set_password(password)
            user.save(update_fields=["password"])
        if StaffAccount.objects.get_or_create(user=user, defaults={"roblox_id": None})[1]:
            target = Target("user", "", name, f"staff:{user.pk}")
            record(
                Action.ACCESS_GRANTED,
                actor=at_the_shell().actor,
                target=target,
                details={"role": "local owner"},
            )
