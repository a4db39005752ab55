import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from grps_site.ops import database_roles, portal_role


class Command(BaseCommand):
    help = (
        "Make or mend the portal's database role, which reads the schema `portal` and nothing else."
        " Prints its URL when it makes the role or a new password."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--password-file",
            type=Path,
            help="keep the password in this file, made if it is missing, and print no URL",
        )
        parser.add_argument("--role", default=portal_role.NAME, help="name of the role")
        parser.add_argument("--rotate", action="store_true", help="give it a new password")

    def handle(self, *args: Any, role: str, **options: Any) -> None:
        file: Path | None = options["password_file"]
        with database_roles.as_owner():
            password = _password(role, file, options["rotate"])
            try:
                portal_role.ensure(password, role)
                portal_role.close_to_others()
            except (portal_role.NotPossible, DatabaseError) as error:
                raise CommandError(str(error)) from None
        self.stdout.write(f"The role {role} reads the schema `portal`.")
        if password is not None and file is None:
            self.stdout.write(f"Its URL, shown once: {_url(role, password)}")


def _password(role: str, file: Path | None, rotate: bool) -> str | None:
    if file is None:
        return portal_role.new_password() if rotate or not portal_role.exists(role) else None
    if rotate or not file.exists():
        _write(file, portal_role.new_password())
    password = file.read_text(encoding="utf-8").strip()
    if not password:
        raise CommandError(f"{file} is empty. Remove it, and a new password is written there.")
    return password


def _write(file: Path, password: str) -> None:
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(password + "\n")


def _url(role: str, password: str) -> str:
    given = connection.settings_dict
    place = f"{given['HOST'] or 'localhost'}:{given['PORT'] or 5432}/{quote(str(given['NAME']))}"
    return f"postgresql://{quote(role)}:{quote(password, safe='')}@{place}"
