from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common import database_clock
from common.errors import Refused
from players.models import ErasureOrder
from players.moderation.actors import at_the_shell
from players.privacy import orders
from players.privacy.registry import REGISTRY


class Command(BaseCommand):
    help = "Orders to erase a person: what is open and why it waits; keys deleted by hand; an order that came by mail."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        acts.add_parser("list", help="open orders, the oldest first").add_argument(
            "--all", action="store_true", help="and the last 50 that are done"
        )
        done = acts.add_parser("done", help="a person's keys are deleted by hand")
        done.add_argument("order_id", type=int, metavar="ORDER")
        done.add_argument(
            "--experience", action="append", default=[], help="there only; again for more than one"
        )
        done.add_argument("--reason", required=True, help="who deleted them, and how")
        acts.add_parser("held", help="everything that may hold a person, and how it forgets")
        order = acts.add_parser("order", help="take down an order that did not come by the webhook")
        order.add_argument("user_id", type=int)
        order.add_argument("--reason", required=True, help="where it came from")

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        try:
            getattr(self, f"_{act}")(**options)
        except Refused as refusal:
            raise CommandError(str(refusal)) from None

    def _list(self, *, all: bool, **_: Any) -> None:
        done = (
            ErasureOrder.objects.filter(status=ErasureOrder.Status.DONE).order_by("-pk")[:50]
            if all
            else ()
        )
        found = [*orders.waiting(), *done]
        for order in found:
            self.stdout.write(_line(order))
        if not found:
            self.stdout.write("No order is open.")

    def _held(self, **_: Any) -> None:
        registry = REGISTRY.load()
        for one in sorted(
            registry.columns.values(), key=lambda column: (column.table, column.name)
        ):
            self.stdout.write(f"{one.table}.{one.name}: {'; '.join(how.told for how in one.hows)}")
        for place in registry.places.values():
            self.stdout.write(f"{place.name}: {place.holds}; {place.forgets}")

    def _done(self, *, order_id: int, experience: list[str], reason: str, **_: Any) -> None:
        by = at_the_shell()
        order = orders.done_by_hand(
            order_id, experience, by=by, reason=reason, now=database_clock.now()
        )
        self.stdout.write(_line(order))

    def _order(self, *, user_id: int, reason: str, **_: Any) -> None:
        by = at_the_shell()
        self.stdout.write(
            _line(orders.order_by_hand(user_id, by=by, reason=reason, now=database_clock.now()))
        )


def _line(order: ErasureOrder) -> str:
    """Describe an order in one line.

    An open one names the person, since somebody may have to delete keys manually.
    """
    if order.status == ErasureOrder.Status.DONE:
        return (
            f"{order.pk}  done {order.stores_erased_at:%Y-%m-%d %H:%M} UTC  {order.notification_id}"
        )
    tables = (
        f"tables erased {order.tables_erased_at:%Y-%m-%d %H:%M}"
        if order.tables_erased_at
        else "tables wait"
    )
    left = ", ".join(one.key for one in orders.left(order)) or "nothing"
    return (
        f"{order.pk}  user {order.user_id}  due {order.due_at:%Y-%m-%d}  {tables}  left: {left}"
        f"{f'  ({order.reason})' if order.reason else ''}"
    )
