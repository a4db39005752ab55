import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import Progress

from audits.record import operator
from common import database_clock
from players.active_policy import NoPolicy, RankInUse, activate, active
from players.models import PolicyVersion
from players.policy.bundle import Bundle, load_bundle, parse_bundle
from players.policy.validation import PolicyError
from players.policy_changes.multiplier_costs import MultiplierCost, costs
from players.policy_changes.simulation_query import RankMoves, simulate


class Command(BaseCommand):
    help = "Check, simulate or put in force a folder of policy files or a version by its number; show the active one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["check", "show", "simulate", "activate"])
        parser.add_argument(
            "policy", nargs="?", default=str(settings.POLICY_DIR), help="a folder, or a number"
        )
        parser.add_argument("--reason", default="", help="why it is activated; required")
        parser.add_argument(
            "--json", action="store_true", help="simulate: print one JSON object for programs"
        )

    def handle(self, *args: Any, what: str, policy: str, reason: str, **options: Any) -> None:
        if options["json"] and what != "simulate":
            raise CommandError("--json is only for simulate; leave it out.")
        if what == "show":
            self._show()
            return
        bundle = _bundle(policy)
        if what == "check":
            self.stdout.write(
                f"{policy}: {len(bundle.ranks)} ranks, version {bundle.version}; nothing wrong."
            )
            return
        if what == "simulate":
            self._simulate(bundle, as_json=options["json"])
            return
        if not reason.strip():
            raise CommandError("--reason is required: say why the rules change.")
        if PolicyVersion.objects.filter(is_active=True).exists():
            self._simulate(bundle)
        try:
            version = activate(bundle, actor=operator(), reason=reason)
        except RankInUse as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"Policy {version.number} ({bundle.version}) is in force.")

    def _simulate(self, bundle: Bundle, *, as_json: bool = False) -> None:
        now = database_clock.now()
        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
            task = bar.add_task("players", total=None)
            rows = simulate(
                bundle,
                now,
                progress=lambda done, all: bar.update(task, completed=done, total=all),
            )
        multipliers = costs(bundle, now)
        if as_json:
            self.stdout.write(json.dumps(_as_json(bundle, rows, multipliers), indent=2))
            return
        for row in rows:
            told = {
                "promoted": row.promoted,
                "demoted": row.demoted,
                "held back": row.held_back,
                "spared": row.spared,
                "left out": row.left_out,
            }
            words = [f"{count} {word}" for word, count in told.items() if count]
            words += [f"{row.earning} to earn"] if row.earning else []
            self.stdout.write(f"  {row.rank:<22} {row.holders:>9} {', '.join(words)}".rstrip())
        self.stdout.write(
            f"{sum(row.moved for row in rows)} of {sum(row.holders for row in rows)} players would move."
        )
        for one in multipliers:
            period = f"{one.factor} times from {one.start:%Y-%m-%d %H:%M} to {one.end:%Y-%m-%d %H:%M} UTC"
            window = f" from {one.first} to {one.last}" if one.first else ""
            extra = "unknown" if one.extra is None else f"{one.extra:,} more points{window}"
            self.stdout.write(f"  {one.name}, {period}: {extra}. {one.basis}")

    def _show(self) -> None:
        try:
            policy = active()
        except NoPolicy as error:
            raise CommandError(str(error)) from None
        self.stdout.write(
            f"Policy {policy.number} ({policy.bundle.version}), {len(policy.bundle.ranks)} ranks:"
        )
        for rank in policy.bundle.ranks:
            self.stdout.write(f"  {rank.name:<22} {rank.level:<6} from {rank.min_points / 100:g}")


def _as_json(
    bundle: Bundle, rows: list[RankMoves], multipliers: list[MultiplierCost]
) -> dict[str, Any]:
    return {
        "version": bundle.version,
        "holders": sum(row.holders for row in rows),
        "moved": sum(row.moved for row in rows),
        "ranks": [
            {
                "rank": row.rank,
                "holders": row.holders,
                "promoted": row.promoted,
                "demoted": row.demoted,
                "heldBack": row.held_back,
                "spared": row.spared,
                "leftOut": row.left_out,
                "earning": row.earning or None,
            }
            for row in rows
        ],
        "multipliers": [one.as_json() for one in multipliers],
    }


def _bundle(policy: str) -> Bundle:
    """Return the policy of a folder, or the version with that number. Raises CommandError."""
    if policy.isdecimal():
        version = PolicyVersion.objects.filter(number=int(policy)).first()
        if version is None:
            raise CommandError(f"There is no policy {policy}; the console lists them.")
        return parse_bundle(version.documents)
    try:
        return load_bundle(Path(policy))
    except PolicyError as error:
        raise CommandError(str(error)) from None
