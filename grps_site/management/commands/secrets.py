import datetime as dt
import getpass
import json
import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from audits.record import operator
from common.errors import Refused
from grps_site.secret_rotation import inventory, rotation
from grps_site.secret_rotation.inventory import State


class Command(BaseCommand):
    help = "List the secrets of this installation, and rotate them (docs/secrets.md)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        status = acts.add_parser("status", help="age, overlap and users of every secret; no value")
        status.add_argument("--json", action="store_true", help="for programs")
        rotate = acts.add_parser(
            "rotate", help="make a new value; write the file of NAME_FILE, or print variables"
        )
        rotate.add_argument("name")
        rotate.add_argument(
            "--stdin", action="store_true", help="read the new value from standard input"
        )
        finish = acts.add_parser("finish", help="remove the previous value")
        finish.add_argument("name")
        finish.add_argument(
            "--force", action="store_true", help="also while the previous value is used"
        )

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        try:
            getattr(self, f"_{act}")(**options)
        except (Refused, DatabaseError) as error:
            raise CommandError(str(error)) from None

    def _status(self, **options: Any) -> None:
        states = inventory.states()
        if options["json"]:
            self.stdout.write(json.dumps([one.as_json() for one in states], indent=1))
            return
        for one in states:
            self.stdout.write(_line(one))

    def _rotate(self, name: str, **options: Any) -> None:
        given = _read_value(name) if options["stdin"] else ""
        self._show(rotation.rotate(name, given, actor=operator()))

    def _finish(self, name: str, **options: Any) -> None:
        self._show(rotation.finish(name, actor=operator(), force=options["force"]))

    def _show(self, outcome: rotation.Outcome) -> None:
        """Write what to set to standard output, and what to do to standard error."""
        for line in outcome.lines:
            self.stdout.write(line)
        for step in outcome.steps:
            self.stderr.write(step)


def _read_value(name: str) -> str:
    value = getpass.getpass(f"New {name}: ") if sys.stdin.isatty() else sys.stdin.readline()
    if not value.strip():
        raise CommandError("Standard input has no value.")
    return value.strip()


def _line(state: State) -> str:
    where = "file" if os.environ.get(f"{state.name}_FILE") else "variable"
    if not state.count:
        return f"{state.name}: not set; {state.unset}"
    parts = [f"{state.name}: set by {where}", f"{_age(state.age)} old"]
    if state.overlap_since:
        parts.append(
            f"overlap of {state.count} values since {state.overlap_since:%Y-%m-%d %H:%M} UTC"
        )
    if state.last_use:
        parts.append(f"previous value used at {state.last_use:%Y-%m-%d %H:%M} UTC")
    parts += [state.detail] if state.detail else []
    return f"{', '.join(parts)}; protects {state.protects}; change it at: {state.users}"


def _age(age: dt.timedelta | None) -> str:
    return "0 days" if age is None else f"{age.days} days"
