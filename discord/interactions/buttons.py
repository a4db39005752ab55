"""Buttons of the queue's messages: a dialog asks for the reason, then a worker decides.

The id of a button names a message by random characters. Who may decide is checked when the dialog
opens, and again under the locks of the decision.
"""

import re

from common import database_clock
from common.errors import Refused
from discord.interactions import answers, people
from discord.interactions.answers import Answer
from discord.interactions.payloads import Interaction
from discord.interactions.queue_items import KINDS, Requests
from discord.interactions.queue_messages import APPROVE, REJECT
from discord.models import QueueMessage
from players.moderation.command import Command
from players.moderation.input import LONGEST_REASON
from players.moderation.requesters import requester_user_id

ID = re.compile(rf"({APPROVE}|{REJECT}):([A-Za-z0-9_-]{{22}})")
VERBS = {APPROVE: "approve", REJECT: "reject"}
TITLES = {APPROVE: "Approve", REJECT: "Reject"}
OVER = "This is decided already, or not asked any more."


def open_dialog(asked: Interaction) -> Answer:
    """Return the dialog that asks for a reason. Raises Refused, NotAllowed."""
    found = ID.fullmatch(asked.data.custom_id)
    row = QueueMessage.objects.filter(nonce=found[2]).first() if found else None
    if found is None or row is None or row.wanted != QueueMessage.State.OPEN:
        raise Refused(OVER)
    by = people.staff(asked.discord_id)
    if why_not := KINDS[row.kind].why_not(row.key, by, database_clock.now()):
        raise Refused(why_not)
    return answers.dialog(asked.data.custom_id, TITLES[found[1]], LONGEST_REASON)


def of_dialog(asked: Interaction) -> dict[str, str]:
    """Return what a sent dialog asks, for `decide`. Raises Refused for another dialog."""
    found = ID.fullmatch(asked.data.custom_id)
    if found is None:
        raise Refused(OVER)
    reason = asked.texts.get("reason", "")
    return {"nonce": found[2], "verb": VERBS[found[1]], "reason": reason}


def people_to_read(nonce: str) -> list[int | None]:
    """Return the Roblox users besides the person whose membership a decision depends on."""
    rows = QueueMessage.objects.filter(nonce=nonce, kind=Requests.name)
    return [requester_user_id(key) for key in rows.values_list("key", flat=True)]


def decide(nonce: str, verb: str, command: Command) -> str:
    """Decide on the item of a message in the caller's transaction. Raises Refused, NotAllowed."""
    rows = QueueMessage.objects.select_for_update(no_key=True).filter(nonce=nonce)
    row = rows.first()
    if row is None or row.wanted != QueueMessage.State.OPEN:
        raise Refused(OVER)
    KINDS[row.kind].decide(row.key, verb, command)
    row.wanted = QueueMessage.State.CLOSED
    row.closed_at = row.retry_at = command.now
    row.save(update_fields=["wanted", "closed_at", "retry_at"])
    return "Approved." if verb == "approve" else "Rejected."
