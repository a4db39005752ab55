"""Members ask for leave from Discord, and staff decide by buttons."""

import datetime as dt

from django.utils import timezone

from discord.interactions import pending
from discord.models import QueueMessage
from players.leave import requests
from players.models import Leave
from tests.discord.interactions.people import linked
from tests.discord.interactions.receiver import Receiver
from tests.discord.interactions.signed import Discord
from tests.discord.interactions.test_queue_messages import buttons, decided, post


def ask(discord: Discord, receiver: Receiver, person: int, **options: object) -> str:
    assert discord.command(person, "leave", **options)["type"] == 5
    assert pending.step() == 1
    return receiver.texts()[-1]


def test_a_member_asks_for_leave(discord: Discord, receiver: Receiver) -> None:
    person = linked(1, member="member")
    first = timezone.now().astimezone(dt.UTC).date() + dt.timedelta(days=3)
    said = ask(discord, receiver, person, days=7, reason="exams", **{"from": str(first)})
    leave = Leave.objects.get()
    assert (leave.first_day, leave.last_day) == (first, first + dt.timedelta(days=6))
    assert (leave.source, leave.reason) == ("discord", "exams")
    assert "staff decide" in said
    assert said.endswith("/me")
    assert "already" in ask(discord, receiver, person, days=1, reason="more")


def test_a_wrong_day_is_explained(discord: Discord, receiver: Receiver) -> None:
    person = linked(1, member="member")
    said = ask(discord, receiver, person, days=7, reason="x", **{"from": "24.12.2026"})
    assert "2026-12-24" in said
    assert not Leave.objects.exists()


def test_a_leave_is_granted_and_extended_by_buttons(discord: Discord, receiver: Receiver) -> None:
    member, officer = linked(1, member="member"), linked(2, "Imperator", member="member")
    ask(discord, receiver, member, days=3, reason="exams")
    found = buttons(post(receiver))
    assert "may not" in discord.press(member, found["Approve"])["data"]["content"]
    assert decided(discord, receiver, officer, found["Approve"]) == "Approved."
    leave = Leave.objects.get()
    assert (leave.status, leave.answer) == ("approved", "looks right")
    assert "Decided by player\\_2: looks right" in post(receiver)["content"]
    longer = leave.last_day + dt.timedelta(days=2)
    requests.ask_for_more(leave.pk, 1, longer, "still ill", timezone.now())
    former = QueueMessage.objects.get().nonce
    post(receiver)
    assert receiver.calls[-1].method == "DELETE"
    found = buttons(post(receiver))
    assert former not in found["Reject"]
    assert decided(discord, receiver, officer, found["Reject"]) == "Rejected."
    leave.refresh_from_db()
    assert (leave.last_day < longer, leave.extension_to) == (True, None)
