"""Staff act from Discord by the rules of the ladder; a worker carries it out once."""

import datetime as dt
from typing import Any

import pytest
import structlog
from django.utils import timezone

from audits.models import AuditEvent
from discord import links
from discord.interactions import limits, pending
from discord.models import PendingInteraction
from players.membership import freshness
from players.models import Adjustment, Approval, Note, Player, Rank, Sanction
from tests.discord.interactions.people import DISCORD, linked, player
from tests.discord.interactions.receiver import Receiver
from tests.discord.interactions.signed import Discord, is_private, text_of

DEFERRED = {"type": 5, "data": {"flags": 64}}


class Killed(BaseException):
    """Ends a worker where it is."""


def kill(*_: object, **__: object) -> None:
    raise Killed


def give(discord: Discord, receiver: Receiver, person: int, name: str, **options: Any) -> str:
    """Give a command, let a worker carry it out, and return the text that Discord got."""
    assert discord.command(person, name, **options) == DEFERRED
    before = len(receiver.calls)
    structlog.contextvars.clear_contextvars()  # a worker is another process
    assert pending.step() == 1
    assert len(receiver.calls) == before + 1
    return receiver.texts()[-1]


def test_a_warning_is_given_in_the_officers_name(discord: Discord, receiver: Receiver) -> None:
    person, target = linked(1, "Electro Colonel"), player(2)
    said = give(discord, receiver, person, "warn", player="2", reason="spam *here* @everyone")
    sanction = Sanction.objects.get(player=target)
    assert (sanction.kind, sanction.reason) == ("warning", "spam *here* @everyone")
    assert sanction.source == "discord"
    event = AuditEvent.objects.get(action="player.warned")
    assert event.actor_id == str(Player.objects.get(user_id=1).pk)
    assert event.request_id == discord.request_id
    assert "player\\_2" in said
    call = receiver.calls[-1]
    assert call.method == "PATCH"
    assert call.path == f"/webhooks/{555_000_000_000_000_001}/a%20token/messages/@original"
    assert call.authorization == ""
    assert call.body["allowed_mentions"] == {"parse": []}


def test_every_act_reaches_its_player(discord: Discord, receiver: Receiver) -> None:
    person, target = linked(1, "Imperator"), player(2)
    give(discord, receiver, person, "suspend", player="player_2", reason="x", days=3)
    give(discord, receiver, person, "adjust", player="PLAYER_2", points=12.5, reason="x")
    give(discord, receiver, person, "note", player="2", text="watch them")
    suspension = Sanction.objects.get(player=target)
    assert suspension.ends_at is not None
    assert suspension.ends_at - suspension.starts_at == dt.timedelta(days=3)
    target.refresh_from_db()
    assert target.points == 12.5
    assert Note.objects.get().text == "watch them"
    said = give(discord, receiver, person, "case", player="2")
    for words in ("suspension", "12.50 points", "1 notes"):
        assert words in said


def test_what_a_rank_may_not_is_refused_and_recorded(discord: Discord, receiver: Receiver) -> None:
    person, _ = linked(1, "Captain II"), player(2)
    assert "may not" in give(discord, receiver, person, "warn", player="2", reason="x")
    assert AuditEvent.objects.filter(action="act.refused").count() == 1
    assert not Sanction.objects.exists()
    assert "Only staff" in give(discord, receiver, person, "case", player="2")


def test_a_rank_lost_after_the_command_ends_its_power(discord: Discord, receiver: Receiver) -> None:
    person, _ = linked(1, "Imperator"), player(2)
    discord.command(person, "warn", player="2", reason="x")
    Player.objects.filter(user_id=1).update(rank=Rank.objects.get(name="Initiate"))
    pending.step()
    assert "may not" in receiver.texts()[-1]
    assert not Sanction.objects.exists()


def test_an_unlinked_account_has_no_power(discord: Discord, receiver: Receiver) -> None:
    person, _ = linked(1, "Imperator"), player(2)
    discord.command(person, "warn", player="2", reason="x")
    links.unlink(person)
    pending.step()
    assert "not linked" in receiver.texts()[-1]
    assert "not linked" in text_of(discord.command(person, "warn", player="2", reason="x"))
    assert not Sanction.objects.exists()


def test_who_roblox_does_not_confirm_has_no_power(
    discord: Discord, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, _ = linked(1, "Imperator"), player(2)
    read: list[int] = []
    monkeypatch.setattr(freshness, "READ", [read.extend])
    monkeypatch.setattr(freshness, "can_be_asked", lambda: True)
    said = give(discord, receiver, person, "warn", player="2", reason="x")
    assert read == [1]
    assert "does not confirm" in said
    assert not Sanction.objects.exists()


def test_past_the_limit_a_second_person_decides(discord: Discord, receiver: Receiver) -> None:
    person, target = linked(1, "Electro Colonel"), player(2)
    give(discord, receiver, person, "adjust", player="2", points=501, reason="x")
    assert Approval.objects.get(player=target).status == "waiting"
    target.refresh_from_db()
    assert target.points == 0
    assert not Adjustment.objects.exists()


def test_what_needs_a_fresh_sign_in_leads_to_the_console(
    discord: Discord, receiver: Receiver
) -> None:
    person, _ = linked(1, "Imperator"), player(2)
    said = give(discord, receiver, person, "ban", player="2")
    assert "fresh sign-in" in said
    assert said.endswith("/admin/acts/ban/2/")
    assert not Approval.objects.exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"player": "nobody", "points": 1, "reason": "x"}, "nobody"),
        ({"player": "2", "points": 0.001, "reason": "x"}, "two decimals"),
        ({"player": "2", "points": 1, "reason": ""}, "reason"),
        ({"player": "2", "reason": "x"}, "amount"),
        ({"player": "1", "points": 1, "reason": "x"}, "themselves"),
    ],
)
def test_a_wrong_option_is_explained(
    discord: Discord, receiver: Receiver, options: dict[str, Any], words: str
) -> None:
    person, _ = linked(1, "Imperator"), player(2)
    assert words in give(discord, receiver, person, "adjust", **options)


def test_an_interaction_is_carried_out_once(discord: Discord, receiver: Receiver) -> None:
    person, _ = linked(1, "Imperator"), player(2)
    options = [{"name": "player", "value": "2"}, {"name": "reason", "value": "x"}]
    changes = {
        "id": "600000000000000000",
        "type": 2,
        "data": {"name": "warn", "options": options},
        "member": {"user": {"id": str(person)}},
    }
    assert [discord.send(**changes).status_code for _ in range(2)] == [200, 409]
    assert [pending.step(), pending.step()] == [1, 0]
    assert discord.send(**changes).status_code == 409
    assert Sanction.objects.count() == 1
    row = PendingInteraction.objects.get()
    assert (row.asked, row.answer, row.token) == (None, None, "")


def test_a_worker_killed_after_the_act_repeats_only_the_answer(
    discord: Discord, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, _ = linked(1, "Imperator"), player(2)
    discord.command(person, "warn", player="2", reason="x")

    with monkeypatch.context() as patch:
        patch.setattr(pending, "_send", kill)
        with pytest.raises(Killed):
            pending.step()
    assert (Sanction.objects.count(), receiver.calls) == (1, [])
    PendingInteraction.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    assert pending.step() == 1
    assert (Sanction.objects.count(), len(receiver.calls)) == (1, 1)


def test_a_worker_killed_before_the_act_leaves_all_of_it(
    discord: Discord, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, _ = linked(1, "Imperator"), player(2)
    discord.command(person, "warn", player="2", reason="x")

    with monkeypatch.context() as patch:
        patch.setattr(PendingInteraction, "save", kill)  # after the act, before its commit
        with pytest.raises(Killed):
            pending.step()
    assert not Sanction.objects.exists()
    PendingInteraction.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    assert pending.step() == 1
    assert Sanction.objects.count() == 1


def test_what_was_asked_expires_with_the_token(discord: Discord, receiver: Receiver) -> None:
    person, _ = linked(1, "Imperator"), player(2)
    discord.command(person, "warn", player="2", reason="x")
    late = timezone.now() - dt.timedelta(minutes=16)
    PendingInteraction.objects.update(received_at=late)
    assert pending.step() == 1
    assert not Sanction.objects.exists()
    assert receiver.calls == []
    assert PendingInteraction.objects.get().finished_at is not None


def test_an_answer_is_sent_again_while_discord_fails(discord: Discord, receiver: Receiver) -> None:
    person, _ = linked(1, "Imperator"), player(2)
    discord.command(person, "warn", player="2", reason="x")
    receiver.refuse = [500, 404]
    assert pending.step() == 1
    assert pending.step() == 0
    PendingInteraction.objects.update(retry_at=timezone.now())
    assert pending.step() == 1
    assert PendingInteraction.objects.get().finished_at is not None  # 404: the token is unknown
    assert Sanction.objects.count() == 1


def test_an_act_that_fails_is_told_after_three_tries(
    discord: Discord, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, _ = linked(1, "Imperator"), player(2)
    discord.command(person, "warn", player="2", reason="x")

    def fail(*_: object) -> str:
        raise RuntimeError

    monkeypatch.setattr(pending.performing, "perform", fail)
    for _ in range(3):
        PendingInteraction.objects.update(retry_at=timezone.now())
        assert pending.step() == 1
    assert receiver.texts() == [pending.FAILED]


def test_names_are_offered_to_staff_only(discord: Discord) -> None:
    person, other = linked(1, "Imperator"), linked(2)
    player(3, listed=False, username="Builder_Bob")
    assert discord.typed(person, "warn", "player", "buil") == [
        {"name": "Builder_Bob (Initiate)", "value": "3"}
    ]
    assert discord.typed(other, "warn", "player", "buil") == []
    assert discord.typed(DISCORD, "warn", "player", "buil") == []


def test_typing_very_often_gets_no_offers(
    discord: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "typed", limits.Bound(2))
    person = linked(1, "Imperator")
    found = [len(discord.typed(person, "warn", "player", "player_1")) for _ in range(3)]
    assert found == [1, 1, 0]


def test_refusals_are_private(discord: Discord) -> None:
    assert is_private(discord.command(5, "warn", player="1", reason="x"))
