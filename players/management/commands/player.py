import datetime as dt
from argparse import ArgumentParser
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from players import discipline, erasures, officers, people
from players.amounts import NotAnAmount, hundredths
from players.staff import Refused, at_the_shell


class Command(BaseCommand):
    help = (
        "Act on one player as the operator of this machine: give a rank, adjust points, ban, settle a proposal, erase."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        rank = acts.add_parser("rank", help="give a rank by hand")
        rank.add_argument("user_id", type=int)
        rank.add_argument("rank")
        adjust = acts.add_parser("adjust", help="add points to the adjusted part, or take some")
        adjust.add_argument("user_id", type=int)
        adjust.add_argument("amount")
        for settled in ("approve", "reject"):
            acts.add_parser(settled, help=f"{settled} a proposed decision").add_argument("decision_id", type=int)
        ban = acts.add_parser("ban", help="ban from every universe, for good or for some days")
        ban.add_argument("user_id", type=int)
        ban.add_argument("--days", type=int)
        acts.add_parser("unban", help="lift a ban").add_argument("user_id", type=int)
        acts.add_parser("erase", help="erase a person at Roblox's order").add_argument("user_id", type=int)
        for act in acts.choices.values():
            act.add_argument("--reason", required=True)

    def handle(self, *args: Any, act: str, reason: str, **options: Any) -> None:
        by = at_the_shell()
        now = timezone.now()
        try:
            if act == "rank":
                decision = officers.set_rank(options["user_id"], options["rank"], by=by, reason=reason, now=now)
                self.stdout.write(f"{options['user_id']} holds {decision.to_rank} now.")
            elif act == "adjust":
                amount = hundredths(Decimal(options["amount"]))
                self.stdout.write(people.adjust(options["user_id"], amount, by=by, reason=reason, now=now).sentence)
            elif act == "ban":
                until = now + dt.timedelta(days=options["days"]) if options["days"] else None
                done = discipline.ban(options["user_id"], by=by, reason=reason, now=now, until=until)
                assert done.sanction is not None
                self.stdout.write(f"{done.sentence} It is case {done.sanction.pk}.")
            elif act == "unban":
                discipline.unban(options["user_id"], by=by, reason=reason, now=now)
                self.stdout.write(f"{options['user_id']} is not banned any more.")
            elif act == "erase":
                order = erasures.order_by_hand(options["user_id"], by=by, reason=reason, now=now)
                self.stdout.write(f"Erased here; the data stores follow: `erasures list` shows order {order.pk}.")
            else:
                settled = getattr(officers, act)(options["decision_id"], by=by, reason=reason, now=now)
                self.stdout.write(f"Decision {settled.pk} is {settled.status}.")
        except (InvalidOperation, NotAnAmount):
            raise CommandError(f"{options['amount']} is not an amount of points with at most two decimals.") from None
        except Refused as refusal:
            raise CommandError(str(refusal)) from None
