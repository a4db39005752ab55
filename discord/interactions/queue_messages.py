"""The queue's messages in the staff channel: one for each item, changed once it is decided.

A message is a state that Discord should show, so a decision made anywhere reaches it: `discover`
compares the rows with the queue, and `step` sends what differs.
"""

import datetime as dt
from typing import Any

import structlog
from django.conf import settings
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from common import database_clock
from common.leases import backoff, claim, hold
from discord import bot, writes
from discord.interactions import answers
from discord.interactions.answers import GREEN, RED, Answer, moment, plain
from discord.interactions.queue_items import KINDS, Item, JoinRequests
from discord.models import QueueMessage
from discord.rest import messages
from discord.rest.errors import UNKNOWN_MESSAGE, DiscordError
from discord.rest.messages import Message
from roblox.open_cloud.errors import RetryDecision
from syncs.models import JoinRequest

State = QueueMessage.State
KEPT = dt.timedelta(days=30)  # after the decision, when the message is deleted
CALL = 5.0  # seconds that Discord has to answer, and that a call waits for its limit
MISCONFIGURED = dt.timedelta(minutes=10)  # until a refused message is tried again
APPROVE, REJECT = "a", "r"  # begin the ids of buttons and dialogs
log = structlog.get_logger("grps.discord")


def discover() -> int:
    """Create rows for new items, close those of decided ones. Return the number of changes."""
    posting = bool(settings.DISCORD_QUEUE_CHANNEL)
    changes = sum(_close(name) + _begin_anew(name) for name in KINDS)
    changes += sum(map(_create, KINDS)) if posting else 0
    return changes + _delete_old() + _delete_forgotten()


def step() -> int:
    """Send one message that differs from what Discord shows. Return the number (0 or 1)."""
    if not bot.is_configured() or writes.why_off():
        return 0
    rows = claim(to_do(), 1)
    for row in rows:
        try:
            _send(row)
        except DiscordError as error:
            _try_again(row, error)
    return len(rows)


def to_do() -> QuerySet[QueueMessage]:
    return QueueMessage.objects.exclude(wanted=F("shown"))


def _create(kind: str) -> int:
    waiting = KINDS[kind].waiting()
    known = QueueMessage.objects.filter(kind=kind, key__in=waiting).values_list("key", flat=True)
    new = sorted(set(waiting) - set(known))
    found = {key: KINDS[kind].item(key) for key in new}
    rows = [_row(kind, key, item) for key, item in found.items() if item is not None]
    QueueMessage.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def _row(kind: str, key: int, item: Item) -> QueueMessage:
    channel = settings.DISCORD_QUEUE_CHANNEL or 0
    return QueueMessage(kind=kind, key=key, player_id=item.player_id, channel_id=channel)


def _close(kind: str) -> int:
    rows = QueueMessage.objects.filter(kind=kind, wanted=State.OPEN)
    keys = list(rows.values_list("key", flat=True))
    decided = set(keys) - KINDS[kind].still_waiting(keys)
    # A message that was never sent is not sent any more.
    unsent = rows.filter(key__in=decided, shown=State.NOTHING, lease_until=None)
    closing = rows.filter(key__in=decided)
    return unsent.delete()[0] + closing.update(
        wanted=State.CLOSED, closed_at=Now(), retry_at=Now(), attempts=0
    )


def _begin_anew(kind: str) -> int:
    """Have the messages of decided items deleted that are asked again, such as longer leaves.

    They are posted anew after that.
    """
    waiting = KINDS[kind].waiting()
    rows = QueueMessage.objects.filter(kind=kind, key__in=waiting, wanted=State.CLOSED)
    # Read again: a message that is closed now may be about what was decided since.
    again = KINDS[kind].still_waiting(list(rows.values_list("key", flat=True)))
    return rows.filter(key__in=again).update(wanted=State.NOTHING, retry_at=Now())


def _delete_old() -> int:
    old = QueueMessage.objects.filter(closed_at__lt=database_clock.now() - KEPT)
    return old.exclude(wanted=State.NOTHING).update(wanted=State.NOTHING, retry_at=Now())


def _delete_forgotten() -> int:
    """Have messages deleted that name somebody whose request to join an erasure deleted."""
    rows = QueueMessage.objects.filter(kind=JoinRequests.name).exclude(wanted=State.NOTHING)
    forgotten = rows.exclude(key__in=JoinRequest.objects.values("pk"))
    return forgotten.update(wanted=State.NOTHING, retry_at=Now())


def _send(row: QueueMessage) -> None:
    """Make Discord show what is wanted. Raises DiscordError."""
    client = bot.bot(patience=CALL).client
    shown = row.wanted
    if shown == State.NOTHING:
        if row.message_id is not None:
            messages.delete(client, _message(row))
        hold(row).delete()
        return
    item = KINDS[row.kind].item(row.key)
    if item is None:
        hold(row).update(wanted=State.NOTHING, lease_until=None)
        return
    body = _body(row, item)
    if row.message_id is None:
        sent = messages.create(client, row.channel_id, body | _once(row))
        row.message_id = sent.id
    else:
        messages.edit(client, _message(row), body)
    changes = {"message_id": row.message_id, "shown": shown, "problem": "", "attempts": 0}
    hold(row).update(**changes, lease_until=None)


def _once(row: QueueMessage) -> dict[str, Any]:
    """Return what makes Discord post a message once, if a killed worker's is sent again."""
    return {"nonce": row.nonce, "enforce_nonce": True}


def _try_again(row: QueueMessage, error: DiscordError) -> None:
    gone = error.code == UNKNOWN_MESSAGE  # somebody deleted it on Discord
    if gone:
        hold(row).update(message_id=None, shown=row.wanted, lease_until=None)
        return
    wait = dt.timedelta(seconds=error.retry_after or 0) or backoff(row.attempts)
    if error.decision is RetryDecision.GIVE_UP:
        wait = MISCONFIGURED
        log.warning("a message of the queue is not sent", item=str(row), error=str(error))
    again = {"attempts": F("attempts") + 1, "retry_at": Now() + wait, "problem": str(error)}
    hold(row).update(**again, lease_until=None)


def _message(row: QueueMessage) -> Message:
    return Message(row.message_id or 0, row.channel_id)


def _body(row: QueueMessage, item: Item) -> Answer:
    waits = row.wanted == State.OPEN and not item.outcome
    lines = [f"**{plain(item.title)}**", plain(item.reason)]
    lines.append(f"Since {moment(item.since)}." if waits else plain(item.outcome))
    return answers.content("\n".join(filter(None, lines))) | {
        "components": _buttons(row, item) if waits else []
    }


def _buttons(row: QueueMessage, item: Item) -> list[Answer]:
    console = answers.link("Open in the console", item.page)
    if not item.here:
        return answers.row(console)
    return answers.row(
        answers.button("Approve", GREEN, f"{APPROVE}:{row.nonce}"),
        answers.button("Reject", RED, f"{REJECT}:{row.nonce}"),
        console,
    )
