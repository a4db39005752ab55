"""Members read public facts, and their own way to the next rank."""

import datetime as dt

import pytest
from django.utils import timezone

from discord.interactions import commands
from discord.interactions.answers import plain
from players import leaderboard
from players.models import HostedEvent, Player
from players.moderation.actors import at_the_shell
from players.moderation.command import Command
from players.ranks import locks
from tests.discord.interactions.people import linked, player
from tests.discord.interactions.signed import Discord, is_private, text_of

STRANGER = 77


def test_somebody_reads_their_rank_and_points(discord: Discord) -> None:
    person = linked(1, "Captain II", adjusted=1234)
    leaderboard.fold()
    rank, points = discord.command(person, "rank"), discord.command(person, "points")
    assert "**player\\_1** is **Captain II**" in text_of(rank)
    assert "**1,234.00** points and is number 1 of 1" in text_of(points)
    assert not is_private(rank)
    assert rank["data"]["allowed_mentions"] == {"parse": []}


def test_somebody_else_is_read_by_name(discord: Discord) -> None:
    player(2, "Captain I", username="Builder")
    assert "**Builder** is **Captain I**" in text_of(
        discord.command(STRANGER, "rank", player="builder")
    )
    offers = discord.typed(STRANGER, "rank", "player", "BUI")
    assert offers == [{"name": "Builder (Captain I)", "value": "2"}]
    missing = discord.command(STRANGER, "rank", player="nobody")
    assert "No player" in text_of(missing)
    assert is_private(missing)


def test_a_suspension_shows_nowhere(discord: Discord) -> None:
    """As in public lists, a suspended player keeps their former rank."""
    from players.discipline import sanctions
    from players.moderation.actors import at_the_shell
    from players.moderation.command import Command

    player(2, "Captain I")
    before = text_of(discord.command(STRANGER, "rank", player="2"))
    command = Command(by=at_the_shell(), reason="x", now=timezone.now())
    sanctions.suspend(2, command, until=timezone.now() + dt.timedelta(days=1))
    assert text_of(discord.command(STRANGER, "rank", player="2")) == before


def test_the_leaderboard_names_ten(discord: Discord) -> None:
    for user_id in range(1, 13):
        player(user_id, adjusted=100 * user_id)
    lines = text_of(discord.command(STRANGER, "leaderboard")).splitlines()
    assert len(lines) == 11
    assert lines[1] == "1. **player\\_12** (Initiate): 1,200.00"
    week = text_of(discord.command(STRANGER, "leaderboard", period="week"))
    assert "week" in week or "Nobody" in week
    assert "offered" in text_of(discord.command(STRANGER, "leaderboard", period="decade"))


def test_the_way_to_the_next_rank_is_private(discord: Discord) -> None:
    person = linked(1)
    answer = discord.command(person, "next")
    assert is_private(answer)
    assert "Your next rank is **Shock Trooper I**. You lack" in text_of(answer)
    Player.objects.filter(user_id=1).update(listed=False)
    assert "no public list" in text_of(discord.command(person, "next"))


def test_a_lock_is_said_instead_of_a_date(discord: Discord) -> None:
    person = linked(1, adjusted=60)
    Player.objects.filter(user_id=1).update(rank_since=timezone.now() - dt.timedelta(days=9))
    end = timezone.now() + dt.timedelta(days=7)
    order = Command(by=at_the_shell(), reason="sold the plans", now=timezone.now())
    locks.lock_promotions(1, end, order)
    said = text_of(discord.command(person, "next"))
    assert f"You lack nothing. Your promotions are locked until {end:%Y-%m-%d %H:%M} UTC." in (
        said.replace("\\", "")
    )
    assert "sold the plans" not in said
    locks.unlock_promotions(1, order)
    locks.deny_rank(1, "Shock Trooper II", order)
    said = text_of(discord.command(person, "next"))
    assert "You may not get the rank Shock Trooper II." in said


def test_the_link_leads_to_the_members_page(discord: Discord) -> None:
    person = linked(1)
    assert text_of(discord.command(STRANGER, "link")).endswith("http://localhost:8000/me")
    assert "**player\\_1**" in text_of(discord.command(person, "link"))


def test_planned_events_are_listed_with_their_time(discord: Discord) -> None:
    assert "Nothing is planned." in text_of(discord.command(STRANGER, "events"))
    host, at = player(1, username="the_host"), timezone.now() + dt.timedelta(days=1)
    shared = {"kind": "training", "experience": "nexus", "host": host}
    HostedEvent.objects.create(status="planned", starts_at=at, **shared)
    HostedEvent.objects.create(status="running", title="Now *here*", starts_at=None, **shared)
    HostedEvent.objects.create(status="cancelled", title="Not at all", starts_at=at, **shared)
    said = text_of(discord.command(STRANGER, "events"))
    assert f"**Training** in Nexus, by the\\_host: <t:{int(at.timestamp())}:F>" in said
    assert "**Now \\*here\\*** in Nexus, by the\\_host: now" in said
    assert "Not at all" not in said


def test_an_unlinked_member_is_told_where_to_link(discord: Discord) -> None:
    answer = discord.command(STRANGER, "rank")
    assert is_private(answer)
    assert "not linked" in text_of(answer)


def test_a_command_that_is_gone_is_explained(discord: Discord) -> None:
    assert "does not exist" in text_of(discord.command(STRANGER, "old"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("@everyone", "@\u200beveryone"),
        ("<@123>", "\\<@\u200b123\\>"),
        ("[a](http://b)", "\\[a\\]\\(http://b\\)"),
        ("a_b*c", "a\\_b\\*c"),
        ("- item\n# title", "\\- item\n\\# title"),
        ("well-known", "well-known"),
    ],
)
def test_a_text_of_a_person_is_only_text(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_the_definitions_keep_to_discords_limits() -> None:
    found = commands.definitions()
    assert len({one["name"] for one in found}) == len(found) <= 100
    for one in found:
        assert 1 <= len(one["description"]) <= 100
        required = [option["required"] for option in one["options"]]
        assert required == sorted(required, reverse=True)  # required ones come first
        assert all(len(option["description"]) <= 100 for option in one["options"])
    staff = [one["name"] for one in found if "default_member_permissions" in one]
    assert staff == ["case", "warn", "suspend", "adjust", "note", "ban"]
