"""The queue's messages: posted once, decided by buttons, changed wherever it was decided."""

import datetime as dt
from dataclasses import replace
from typing import Any

from django.utils import timezone

from discord.interactions import erasure, pending, queue_messages
from discord.models import QueueMessage
from players.models import Approval, Decision, Player
from players.moderation import approvals
from players.moderation.actors import Staff, at_the_shell, officer
from players.moderation.command import Command
from players.points import adjustments
from players.policy.join_requests import JoinDecision
from players.privacy.person import Person
from players.ranks import decisions
from syncs.join_requests import decisions as join_decisions
from syncs.models import JoinRequest
from tests.discord.interactions.people import linked, player
from tests.discord.interactions.receiver import Receiver
from tests.discord.interactions.signed import CHANNEL, Discord, text_of


def order(by: Staff, reason: str = "a good *reason*") -> Command:
    return Command(by=by, reason=reason, now=timezone.now())


def asked(user_id: int = 2) -> Approval:
    """Let a colonel ask for more points than they may give alone."""
    player(9, "Electro Colonel")
    player(user_id)
    adjustments.adjust(user_id, 501_00, order(officer(9)))
    return Approval.objects.get()


def proposed(user_id: int = 2, rank: str = "Shock Trooper II") -> Decision:
    player(9, "Electro Colonel")
    player(user_id, "Shock Trooper I")
    return decisions.propose(user_id, rank, order(officer(9)))


def post(receiver: Receiver) -> dict[str, Any]:
    """Let the worker bring the messages up to date. Returns the last call's body."""
    queue_messages.discover()
    while queue_messages.step():
        pass
    return receiver.calls[-1].body if receiver.calls else {}


def buttons(body: dict[str, Any]) -> dict[str, str]:
    """Return the ids or addresses of a message's buttons by their labels."""
    return {
        one["label"]: one.get("custom_id") or one["url"]
        for row in body["components"]
        for one in row["components"]
    }


def decided(discord: Discord, receiver: Receiver, person: int, custom_id: str) -> str:
    """Press a button, fill the dialog, let the worker decide. Returns the answer's text."""
    dialog = discord.press(person, custom_id)
    assert dialog["type"] == 9, dialog
    field = dialog["data"]["components"][0]["components"][0]
    assert (field["custom_id"], field["required"]) == ("reason", True)
    assert discord.fill(person, dialog["data"]["custom_id"], "looks right")["type"] == 5
    assert pending.step() == 1
    return receiver.texts()[-1]


def test_a_request_is_posted_once(discord: Discord, receiver: Receiver) -> None:
    asked()
    body = post(receiver)
    post(receiver)
    (call,) = receiver.calls
    assert (call.method, call.path) == ("POST", f"/channels/{CHANNEL}/messages")
    assert call.authorization == "Bot a bot's token"
    assert "player\\_2" in body["content"]
    assert "a good \\*reason\\*" in body["content"]
    assert body["allowed_mentions"] == {"parse": []}
    assert body["enforce_nonce"] is True
    assert len(body["nonce"]) <= 25
    assert list(buttons(body)) == ["Approve", "Reject", "Open in the console"]


def test_a_request_is_approved_by_a_button(discord: Discord, receiver: Receiver) -> None:
    approval, person = asked(), linked(1, "Imperator")
    found = buttons(post(receiver))
    assert decided(discord, receiver, person, found["Approve"]) == "Approved."
    approval.refresh_from_db()
    assert (approval.status, approval.decide_reason) == ("approved", "looks right")
    assert Player.objects.get(user_id=2).points == 501
    body = post(receiver)
    assert receiver.calls[-1].method == "PATCH"
    assert body["components"] == []
    assert "Approved by player\\_1: looks right" in body["content"]


def test_a_proposed_rank_is_turned_down(discord: Discord, receiver: Receiver) -> None:
    decision, person = proposed(), linked(1, "Imperator")
    found = buttons(post(receiver))
    assert decided(discord, receiver, person, found["Reject"]) == "Rejected."
    decision.refresh_from_db()
    assert (decision.status, decision.reason) == ("rejected", "looks right")
    assert "Rejected by player\\_1" in post(receiver)["content"]


def test_who_asked_does_not_decide(discord: Discord, receiver: Receiver) -> None:
    asked()
    from discord import links

    links.link(9, 900, "nine")
    found = buttons(post(receiver))
    assert "second person" in text_of(discord.press(900, found["Approve"]))


def test_who_lost_the_rank_meanwhile_does_not_decide(discord: Discord, receiver: Receiver) -> None:
    approval, person = asked(), linked(1, "Imperator")
    found = buttons(post(receiver))
    discord.fill(person, found["Approve"], "x")
    Player.objects.filter(user_id=1).update(rank=player(3).rank)
    pending.step()
    approval.refresh_from_db()
    assert approval.status == "waiting"
    assert "may not" in receiver.texts()[-1]


def test_members_and_strangers_open_no_dialog(discord: Discord, receiver: Receiver) -> None:
    asked()
    found = buttons(post(receiver))
    person = linked(1)
    assert "may not" in text_of(discord.press(person, found["Approve"]))
    assert "not linked" in text_of(discord.press(77, found["Approve"]))
    assert "decided already" in text_of(discord.press(person, "a:" + "x" * 22))
    assert "decided already" in text_of(discord.press(person, "drop table"))
    assert "decided already" in text_of(discord.fill(person, "grant everything", "x"))


def test_a_message_changes_if_it_was_decided_elsewhere(
    discord: Discord, receiver: Receiver
) -> None:
    approval, person = asked(), linked(1, "Imperator")
    found = buttons(post(receiver))
    approvals.reject(approval.pk, by=at_the_shell(), reason="no", now=timezone.now())
    body = post(receiver)
    assert body["components"] == []
    assert "Rejected: no" in body["content"]
    assert "decided already" in text_of(discord.press(person, found["Approve"]))


def test_of_two_decisions_one_counts(discord: Discord, receiver: Receiver) -> None:
    approval, one, other = asked(), linked(1, "Imperator"), linked(3, "Imperator")
    found = buttons(post(receiver))
    discord.fill(one, found["Reject"], "first")
    discord.fill(other, found["Approve"], "second")
    assert [pending.step(), pending.step()] == [1, 1]
    approval.refresh_from_db()
    assert (approval.status, approval.decide_reason) == ("rejected", "first")
    assert "decided already" in receiver.texts()[-1]


def test_bans_and_ranks_with_powers_are_decided_in_the_console(
    discord: Discord, receiver: Receiver
) -> None:
    person = linked(1, "Imperator")
    player(9, "Supreme Admirals")
    player(2, "Captain II")
    decisions.propose(2, "Tempest Major", order(officer(9)))
    body = post(receiver)
    assert list(buttons(body)) == ["Open in the console"]
    nonce = QueueMessage.objects.get().nonce
    discord.fill(person, f"a:{nonce}", "x")
    pending.step()
    assert "fresh sign-in" in receiver.texts()[-1]
    assert Decision.objects.get().status == "proposed"


def test_join_requests_are_shown_and_decided_in_the_console(
    discord: Discord, receiver: Receiver
) -> None:
    person, now = linked(1, "Imperator"), timezone.now()
    row = JoinRequest.objects.create(
        group_id=1, user_id=70, request_id="70", username="nia_*", asked_at=now, seen_at=now,
        account_made_at=now - dt.timedelta(days=400),
    )  # fmt: skip
    body = post(receiver)
    assert list(buttons(body)) == ["Open in the console"]
    assert buttons(body)["Open in the console"].endswith("/join-requests/")
    assert "nia\\_\\* \\(70\\) asks to join the group" in body["content"]
    assert "The rule of the policy accepts them." in body["content"]
    discord.fill(person, f"a:{QueueMessage.objects.get().nonce}", "x")
    pending.step()
    assert "fresh sign-in" in receiver.texts()[-1]
    by = replace(at_the_shell(), rights=frozenset({join_decisions.RIGHT}))
    join_decisions.decide(row.pk, JoinDecision.DECLINE, by=by, reason="no room", now=now)
    assert "Declined: no room" in post(receiver)["content"]
    # The same person asks again: it is a new message.
    JoinRequest.objects.update(decision="", reason="", decided_at=None)
    post(receiver)
    assert receiver.calls[-1].method == "DELETE"
    assert "asks to join" in post(receiver)["content"]
    assert receiver.calls[-1].method == "POST"
    JoinRequest.objects.update(gone_at=now)
    assert "not open any more" in post(receiver)["content"]
    JoinRequest.objects.all().delete()  # an erasure
    post(receiver)
    assert receiver.calls[-1].method == "DELETE"
    assert not QueueMessage.objects.exists()


def test_nothing_is_posted_while_writing_is_off(
    discord: Discord, receiver: Receiver, settings: Any
) -> None:
    asked()
    settings.DISCORD_WRITES = False
    post(receiver)
    assert receiver.calls == []


def test_a_refused_message_is_tried_again_later(discord: Discord, receiver: Receiver) -> None:
    asked()
    receiver.refuse = [403]
    post(receiver)
    row = QueueMessage.objects.get()
    assert (row.shown, len(receiver.calls)) == ("nothing", 1)
    assert "may not" in row.problem
    QueueMessage.objects.update(retry_at=timezone.now())
    post(receiver)
    assert QueueMessage.objects.get().shown == "open"


def test_a_message_goes_after_thirty_days_or_an_erasure(
    discord: Discord, receiver: Receiver
) -> None:
    approval = asked()
    post(receiver)
    approvals.reject(approval.pk, by=at_the_shell(), reason="no", now=timezone.now())
    post(receiver)
    QueueMessage.objects.update(closed_at=timezone.now() - dt.timedelta(days=31))
    post(receiver)
    assert receiver.calls[-1].method == "DELETE"
    assert not QueueMessage.objects.exists()


def test_an_erased_persons_messages_are_deleted(discord: Discord, receiver: Receiver) -> None:
    approval = asked()
    post(receiver)
    approvals.reject(approval.pk, by=at_the_shell(), reason="no", now=timezone.now())
    target = Player.objects.get(user_id=2)
    erasure.forget(Person(2, -2, target.pk))
    while queue_messages.step():
        pass
    assert receiver.calls[-1].method == "DELETE"
    assert not QueueMessage.objects.exists()
