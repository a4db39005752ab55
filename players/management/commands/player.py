import datetime as dt
from argparse import ArgumentParser
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common import database_clock
from common.amounts import NotAnAmount, hundredths
from common.errors import Refused
from players.actions.params import parse
from players.actions.registry import ACTIONS, BY_NAME
from players.actions.staff_action import StaffAction
from players.membership import freshness
from players.moderation import command
from players.moderation.actors import Staff, at_the_shell, officer
from players.moderation.command import ActionResult
from players.privacy import orders

Options = dict[str, Any]

ERASE = "erase"
# The arguments of each parameter. A parameter that names a row replaces the player's user id.
ARGUMENTS: dict[str, tuple[str, Options]] = {
    "rank": ("rank", {}),
    "amount": ("amount", {"help": "points, with at most two decimals"}),
    "until": ("--days", {"type": int}),
    "evidence": (
        "--evidence",
        {"action": "append", "default": [], "help": "a link; up to five"},
    ),
    "alt_accounts": (
        "--this-account-only",
        {
            "action": "store_true",
            "help": "leave out the accounts that Roblox takes for the same person's",
        },
    ),
    "sanction": ("case", {"type": int}),
    "decision": ("decision_id", {"type": int}),
    "first": ("--from", {"dest": "first_day", "metavar": "DAY", "type": dt.date.fromisoformat}),
    "last": (
        "last_day",
        {"type": dt.date.fromisoformat, "help": "of the leave, as 2030-01-31"},
    ),
    "leave": ("leave_id", {"type": int}),
    "quota": ("--quota", {"default": "", "help": "its name; without it, all quotas"}),
    "exemption": ("exemption_id", {"type": int}),
}


class Command(BaseCommand):
    help = "Act on one player as the operator of this machine, who needs no second person."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        for action in ACTIONS:
            if action.command_line:
                _add_arguments(acts.add_parser(action.name, help=action.title.lower()), action)
        erasure = acts.add_parser(ERASE, help="erase a person at Roblox's order")
        erasure.add_argument("user_id", type=int)
        for one in acts.choices.values():
            one.add_argument("--reason", required=True)

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        try:
            self.stdout.write(_erase(options) if act == ERASE else _perform(BY_NAME[act], options))
        except (InvalidOperation, NotAnAmount):
            raise CommandError(
                f"{options['amount']} is not an amount of points with at most two decimals."
            ) from None
        except Refused as refusal:
            raise CommandError(str(refusal)) from None


def _add_arguments(parser: ArgumentParser, action: StaffAction) -> None:
    if not action.subject_field:
        parser.add_argument("user_id", type=int)
    for field in action.params.__struct_fields__:
        if field in ARGUMENTS:
            name, settings = ARGUMENTS[field]
            parser.add_argument(name, **settings)
    if action.needs_officer:
        parser.add_argument("--by", type=int, required=True, help="the officer's Roblox user id")


def _perform(action: StaffAction, options: Options) -> str:
    now = database_clock.now()
    given = command.Command(by=_actor(options), reason=options["reason"], now=now)
    params = parse(action.params, _given(options, now))
    return _sentence(action.perform(options.get("user_id", 0), params, given))


def _actor(options: Options) -> Staff:
    """Return the operator, or the officer named with --by."""
    if "by" not in options:
        return at_the_shell()
    freshness.before_act(options["by"])
    return officer(options["by"])


def _given(options: Options, now: dt.datetime) -> Options:
    amount = options.get("amount")
    return {
        "rank": options.get("rank"),
        "amount": None if amount is None else hundredths(Decimal(amount)),
        "until": _until(options.get("days"), now),
        "evidence": options.get("evidence"),
        "alt_accounts": not options.get("this_account_only"),
        "sanction": options.get("case"),
        "decision": options.get("decision_id"),
        "first": options.get("first_day"),
        "last": options.get("last_day"),
        "leave": options.get("leave_id"),
        "text": options["reason"],
    }


def _until(days: int | None, now: dt.datetime) -> dt.datetime | None:
    if days is None:
        return None
    try:
        return now + dt.timedelta(days=days)
    except OverflowError:
        raise Refused(
            "--days: so many that no calendar holds them; leave it out for good."
        ) from None


def _sentence(done: ActionResult) -> str:
    return f"{done.sentence} It is case {done.sanction.pk}." if done.sanction else done.sentence


def _erase(options: Options) -> str:
    order = orders.order_by_hand(
        options["user_id"], by=at_the_shell(), reason=options["reason"], now=database_clock.now()
    )
    return f"Erased here; the data stores follow: `erasures list` shows order {order.pk}."
