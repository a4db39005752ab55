"""Commands of staff: the same acts of the registry, judged by the same rules as in the console."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from common.amounts import NotAnAmount, hundredths_of
from common.errors import Refused
from discord.interactions import addresses, case_texts, people
from discord.interactions.answers import SeePage, plain, with_page
from players.actions import registry
from players.actions.params import parse
from players.actions.staff_action import StaffAction
from players.models import Sanction
from players.moderation.actors import Staff
from players.moderation.command import ActionResult, Command

Options = Mapping[str, Any]
Perform = Callable[[Options, Staff, dt.datetime], str]  # returns the text of the answer


def act(name: str) -> Perform:
    """Return the function that performs the act `name` of the registry."""

    def perform(options: Options, by: Staff, now: dt.datetime) -> str:
        action = registry.BY_NAME[name]
        player = people.any_player(str(options.get("player", "")))
        check_sign_in(action, player.user_id)
        reason = str(options.get("reason") or options.get("text") or "")
        command = Command(by=by, reason=reason, now=now, source=Sanction.Source.DISCORD)
        params = parse(action.params, _given(options, now))
        return _told(action.perform(player.user_id, params, command), player.user_id)

    return perform


def case(options: Options, by: Staff, now: dt.datetime) -> str:
    if not by.has(people.SEES):
        raise Refused("Only staff may read case files.")
    return case_texts.summary(people.any_player(str(options.get("player", ""))), now)


def check_sign_in(action: StaffAction, user_id: int) -> None:
    """Raises Refused for an act that needs a sign-in within the last minutes, with its page."""
    if action.fresh_sign_in:
        raise SeePage(
            "This needs a fresh sign-in; do it in the console.",
            addresses.page("console:act", action.name, user_id),
        )


def _given(options: Options, now: dt.datetime) -> dict[str, Any]:
    days, amount = options.get("days"), options.get("points")
    return {
        "until": None if days is None else now + dt.timedelta(days=int(days)),
        "amount": None if amount is None else _hundredths(amount),
        "text": options.get("text"),
    }


def _hundredths(amount: float) -> int:
    try:
        return hundredths_of(float(amount))
    except NotAnAmount:
        raise Refused("points: use at most two decimals.") from None


def _told(done: ActionResult, user_id: int) -> str:
    return with_page(plain(done.sentence), addresses.page("console:player", user_id))
