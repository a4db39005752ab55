"""Carry out what staff asked in Discord, once, and send the answer.

The act and the text of its answer are stored in one transaction. A killed worker's interaction is
taken up by another one: before that transaction nothing happened, after it only the answer is sent.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from structlog.contextvars import bound_contextvars, get_contextvars

from common import database_clock, database_errors
from common.errors import Refused
from common.leases import LeaseLost, backoff, claim, hold
from discord import bot, links
from discord.interactions import answers, performing
from discord.interactions.payloads import Interaction
from discord.models import PendingInteraction
from discord.rest import interactions as rest
from discord.rest.errors import DiscordError
from players.membership import freshness
from roblox.open_cloud.errors import RetryDecision

REQUEST = "request"  # in `asked`: the id of the request that brought it
MOST_FAILURES = 3  # of an act, before the person is told that it failed
FAILED = "Nothing was done, because of an error in GRPS. Its log says more."
CALL = 5.0  # seconds that Discord has to take an answer, and that the call waits for its limit
log = structlog.get_logger("grps.discord")


def accept(interaction: Interaction, asked: Mapping[str, Any]) -> bool:
    """Store an interaction for a worker. Return whether it is new."""
    _, created = PendingInteraction.objects.get_or_create(
        id=int(interaction.id),
        defaults={
            "discord_id": interaction.discord_id,
            "asked": {**asked, REQUEST: _request_id()},
            "token": interaction.token,
            "received_at": database_clock.now(),
        },
    )
    return created


def step() -> int:
    """Carry out and answer the next interaction. Return their number (0 or 1)."""
    rows = claim(PendingInteraction.objects.filter(finished_at=None), 1)
    for row in rows:
        # Audit events and log lines name the request that brought it.
        with bound_contextvars(request_id=(row.asked or {}).get(REQUEST) or _request_id()):
            _take(row)
    return len(rows)


def _take(row: PendingInteraction) -> None:
    try:
        _handle(row)
    except LeaseLost:
        log.info("another worker took over an interaction", interaction=row.pk)


def _request_id() -> str:
    return str(get_contextvars().get("request_id", ""))


def _handle(row: PendingInteraction) -> None:
    if row.answer is None and database_clock.now() >= row.expires_at:
        log.warning("an interaction was not carried out: its time was over", interaction=row.pk)
        return _finish(row)
    if row.answer is None and not carry_out(row):
        return None
    return _send(row)


def carry_out(row: PendingInteraction) -> bool:
    """Store the act and its answer. Return whether there is an answer to send."""
    # Roblox is asked outside of the transaction.
    others = performing.people_to_read(row.asked or {})
    freshness.before_act(links.roblox_id_of(row.discord_id), *others)
    try:
        with transaction.atomic():
            _locked(row)
            row.answer, row.asked = _answer(row), None
            row.save(update_fields=["answer", "asked"])
    except Exception as error:
        if isinstance(error, LeaseLost) or database_errors.is_temporary(error):
            raise
        log.exception("an act of Discord failed", interaction=row.pk)
        return _give_up(row)
    return True


def _locked(row: PendingInteraction) -> None:
    """Lock the row for this worker's act. Raises LeaseLost."""
    if not hold(row).filter(answer=None).select_for_update(no_key=True).exists():
        raise LeaseLost(str(row))


def _answer(row: PendingInteraction) -> str:
    """Perform what was asked and return the text of its answer."""
    try:
        return performing.perform(row.asked or {}, row.discord_id, database_clock.now())
    except Refused as error:
        return answers.refusal(error)


def _give_up(row: PendingInteraction) -> bool:
    """Count a failed act. After some of them the person gets an answer."""
    row.attempts += 1
    changes: dict[str, Any] = {"attempts": row.attempts}
    if row.attempts >= MOST_FAILURES:
        row.answer, changes["answer"], changes["asked"] = FAILED, FAILED, None
    else:
        changes |= {"retry_at": Now() + backoff(row.attempts), "lease_until": None}
    hold(row).update(**changes)
    return row.answer is not None


def _send(row: PendingInteraction) -> None:
    """Send the stored answer. Only the person who asked sees it."""
    client = bot.client().at_once(patience=CALL, timeout=CALL)
    to = rest.Interaction(settings.DISCORD_APPLICATION_ID or 0, row.token)
    try:
        rest.edit_answer(client, to, answers.content(row.answer or ""))
    except DiscordError as error:
        over = database_clock.now() >= row.expires_at
        if over or error.decision is RetryDecision.GIVE_UP:
            log.warning("an answer did not reach Discord", interaction=row.pk, error=str(error))
            return _finish(row)
        wait = dt.timedelta(seconds=error.retry_after or 0) or backoff(row.attempts, base=1.0)
        again = {"attempts": F("attempts") + 1, "retry_at": Now() + wait, "lease_until": None}
        hold(row).update(**again)
        return None
    return _finish(row)


def _finish(row: PendingInteraction) -> None:
    """Keep only the id, so that the interaction is not handled again."""
    hold(row).update(asked=None, answer=None, token="", finished_at=Now(), lease_until=None)
