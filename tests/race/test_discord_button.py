"""A button in Discord and the console decide on the same item at once: one decision counts."""

from typing import Any

import pytest
from django.conf import settings as configured
from django.db import transaction
from django.utils import timezone

from audits.models import AuditEvent
from discord import links
from discord.interactions import performing, queue_messages
from discord.interactions.staff_commands import act
from discord.models import QueueMessage
from players.models import Approval, Sanction
from players.moderation import approvals, velocity_limit
from players.moderation.actors import officer
from players.moderation.command import Command
from players.points import adjustments
from tests import first_start
from tests.race.together import at_once, lost, won
from tests.race.world import COLONEL, GENERAL, TARGET, call, order, owner, populate

pytestmark = pytest.mark.django_db(transaction=True)
ACCOUNT = 900  # on Discord


@pytest.fixture(autouse=True)
def _people() -> None:
    first_start.bootstrap()
    populate()


def button(nonce: str, verb: str) -> str:
    """Decide as the worker of a sent dialog does."""
    asked = {"nonce": nonce, "verb": verb, "reason": "by the button"}
    with transaction.atomic():
        return performing.perform(asked, ACCOUNT, timezone.now())


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_a_button_and_the_console_decide_once(verb: str, settings: Any) -> None:
    settings.DISCORD_QUEUE_CHANNEL = 5
    adjustments.adjust(TARGET, 501_00, Command(**order(officer(COLONEL))))
    request = Approval.objects.get()
    links.link(GENERAL, ACCOUNT)
    queue_messages.discover()
    QueueMessage.objects.update(shown="open")  # as after the worker sent it
    message = QueueMessage.objects.get()
    console = call(approvals.reject, request.pk, by=owner())
    outcomes = at_once(lambda: button(message.nonce, verb), console)
    assert (len(won(outcomes)), len(lost(outcomes))) == (1, 1), outcomes
    request.refresh_from_db()
    by_button = outcomes[0].done
    assert request.status == ("approved" if by_button and verb == "approve" else "rejected")
    assert request.decide_reason == ("by the button" if by_button else "seen it")
    decided = AuditEvent.objects.filter(action__in=["approval.approved", "approval.rejected"])
    assert decided.count() == 1
    queue_messages.discover()
    message.refresh_from_db()
    assert message.wanted == "closed"


def test_what_discord_asks_for_keeps_its_source() -> None:
    asker = officer(GENERAL)
    velocity_limit.record_acts(asker, timezone.now(), configured.INTEGRATIONS.moderation.guard.acts)
    given = {"player": str(TARGET), "reason": "spam", "days": 3}
    said = act("suspend")(given, asker, timezone.now())
    assert "Nothing happened yet" in said
    request = Approval.objects.get()
    assert request.arguments["source"] == "discord"
    approvals.approve(request.pk, by=owner(), reason="right", now=timezone.now())
    assert Sanction.objects.get().source == "discord"
