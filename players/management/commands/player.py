import datetime as dt
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from common.amounts import NotAnAmount, hundredths
from common.errors import Refused
from players.discipline import notes, sanctions
from players.membership import freshness
from players.moderation.actors import Staff, at_the_shell, officer
from players.moderation.authorization import Done
from players.moderation.command import Command as Act
from players.points import adjustments, recommendations
from players.privacy import orders
from players.ranks import decisions

Options = dict[str, Any]


class Command(BaseCommand):
    help = "Act on one player as the operator of this machine, who needs no second person."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        for act, said in ON_A_PLAYER.items():
            acts.add_parser(act, help=said).add_argument("user_id", type=int)
        for act in ("rank", "propose"):
            acts.choices[act].add_argument("rank")
        acts.choices["adjust"].add_argument("amount")
        for act in ("suspend", "ban"):
            acts.choices[act].add_argument("--days", type=int)
        for act in ("warn", "suspend", "ban"):
            acts.choices[act].add_argument(
                "--evidence", action="append", default=[], help="a link; up to five"
            )
        only = "leave out the accounts that Roblox takes for the same person's"
        acts.choices["ban"].add_argument("--this-account-only", action="store_true", help=only)
        acts.choices["recommend"].add_argument(
            "--by", type=int, required=True, help="the officer's Roblox user id"
        )
        acts.add_parser("pardon", help="take a warning back").add_argument("case", type=int)
        for act in ("approve", "reject"):
            acts.add_parser(act, help=f"{act} a proposed decision").add_argument(
                "decision_id", type=int
            )
        for one in acts.choices.values():
            one.add_argument("--reason", required=True)

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        order = Act(by=at_the_shell(), reason=options["reason"], now=timezone.now())
        try:
            self.stdout.write(ACTS[act](options, order))
        except (InvalidOperation, NotAnAmount):
            raise CommandError(
                f"{options['amount']} is not an amount of points with at most two decimals."
            ) from None
        except Refused as refusal:
            raise CommandError(str(refusal)) from None


def _said(done: Done) -> str:
    return f"{done.sentence} It is case {done.sanction.pk}." if done.sanction else done.sentence


def _until(options: Options, now: dt.datetime) -> dt.datetime | None:
    days = options["days"]
    if days is None:
        return None
    try:
        return now + dt.timedelta(days=days)
    except OverflowError:
        raise Refused(
            "--days: so many that no calendar holds them; leave it out for good."
        ) from None


def _warn(options: Options, order: Act) -> str:
    return _said(sanctions.warn(options["user_id"], order, evidence=options["evidence"]))


def _pardon(options: Options, order: Act) -> str:
    return sanctions.pardon(options["case"], order).sentence


def _suspend(options: Options, order: Act) -> str:
    until = _until(options, order.now)
    return _said(
        sanctions.suspend(options["user_id"], order, until=until, evidence=options["evidence"])
    )


def _lift(options: Options, order: Act) -> str:
    return sanctions.lift(options["user_id"], order).sentence


def _ban(options: Options, order: Act) -> str:
    until = _until(options, order.now)
    alts = not options["this_account_only"]
    return _said(
        sanctions.ban(
            options["user_id"],
            order,
            until=until,
            evidence=options["evidence"],
            alt_accounts=alts,
        )
    )


def _unban(options: Options, order: Act) -> str:
    return sanctions.unban(options["user_id"], order).sentence


def _note(options: Options, order: Act) -> str:
    return notes.write(options["user_id"], order.reason, order).sentence


def _recommend(options: Options, order: Act) -> str:
    """Only an officer's word counts toward a rank, so the operator passes one on, by that officer's
    rights.
    """
    freshness.before_act(options["by"])
    by: Staff = officer(options["by"])
    return recommendations.recommend(options["user_id"], replace(order, by=by)).sentence


def _rank(options: Options, order: Act) -> str:
    decision = decisions.set_rank(options["user_id"], options["rank"], order)
    return f"{options['user_id']} holds {decision.to_rank} now."


def _propose(options: Options, order: Act) -> str:
    decision = decisions.propose(options["user_id"], options["rank"], order)
    return f"Decision {decision.pk} proposes {decision.to_rank} for {options['user_id']}; an officer decides."


def _adjust(options: Options, order: Act) -> str:
    return adjustments.adjust(
        options["user_id"], hundredths(Decimal(options["amount"])), order
    ).sentence


def _erase(options: Options, order: Act) -> str:
    kept = orders.order_by_hand(options["user_id"], by=order.by, reason=order.reason, now=order.now)
    return f"Erased here; the data stores follow: `erasures list` shows order {kept.pk}."


def _approve(options: Options, order: Act) -> str:
    settled = decisions.approve(
        options["decision_id"], by=order.by, reason=order.reason, now=order.now
    )
    return f"Decision {settled.pk} is {settled.status}."


def _reject(options: Options, order: Act) -> str:
    settled = decisions.reject(
        options["decision_id"], by=order.by, reason=order.reason, now=order.now
    )
    return f"Decision {settled.pk} is {settled.status}."


ON_A_PLAYER = {
    "warn": "warn; at the policy's thresholds a suspension and a ban follow",
    "suspend": "suspend for some days, or as long as the policy says",
    "lift": "end a suspension",
    "ban": "ban from every universe, for good or for some days",
    "unban": "lift a ban",
    "note": "write a note for staff; the reason is its text",
    "recommend": "pass an officer's recommendation on",
    "propose": "propose a rank, for an officer to decide",
    "rank": "give a rank by hand",
    "adjust": "add points to the adjusted part, or take some",
    "erase": "erase a person at Roblox's order",
}
ACTS: dict[str, Callable[[Options, Act], str]] = {
    "warn": _warn,
    "pardon": _pardon,
    "suspend": _suspend,
    "lift": _lift,
    "ban": _ban,
    "unban": _unban,
    "note": _note,
    "recommend": _recommend,
    "propose": _propose,
    "rank": _rank,
    "adjust": _adjust,
    "approve": _approve,
    "reject": _reject,
    "erase": _erase,
}
