"""Commands of members. Everybody in the channel sees public facts; the person alone sees the rest."""

from common import database_clock
from common.errors import Refused
from discord import links
from discord.interactions import addresses, people
from discord.interactions.answers import Answer, moment, plain, private, public, with_page
from discord.interactions.payloads import Interaction
from players.api.next_rank import progress_of
from players.hosted_events import kinds, lookup
from players.models import HostedEvent
from players.public import lists, periods, players
from players.public.lists import Line, ListQuery
from players.public.players import PlayerFacts
from players.ranks import restrictions
from roblox.models import Experience

LINES = 10
TITLES = {
    "all": "Most points of all time",
    "week": "Most points this week",
    "month": "Most points this month",
    "season": "Most points this season",
}
NOT_LISTED = "You are in no public list: play in one of the games first."


def rank(asked: Interaction) -> Answer:
    found = _facts(asked)
    level = f" ({plain(found.level)})" if found.level else ""
    return public(
        f"**{plain(found.username)}** is **{plain(found.rank)}**{level} since"
        f" {moment(found.rank_since, 'D')}, with {found.points:,} points."
    )


def points(asked: Interaction) -> Answer:
    found = _facts(asked)
    return public(
        f"**{plain(found.username)}** has **{found.points:,}** points and is number"
        f" {found.position:,} of {found.total:,}."
    )


def leaderboard(asked: Interaction) -> Answer:
    word = str(asked.options.get("period") or "all")
    if word not in TITLES:
        raise Refused("Choose one of the offered periods.")
    period = periods.find(word) if word != "all" else None
    if word != "all" and period is None:
        return public("Nobody earned points in this period yet.")
    found = lists.leaderboard(ListQuery(LINES), period)
    rows = "\n".join(map(_line, found)) or "Nobody has points yet."
    return public(f"**{TITLES[word]}**\n{rows}")


def next_rank(asked: Interaction) -> Answer:
    found = players.player(people.roblox_id_of(asked.discord_id))
    if found is None:
        raise Refused(NOT_LISTED)
    way = progress_of(found)
    if way is None:
        return private("No rank of the ladder follows yours.")
    lacks = (
        (way.missing.points, f"{way.missing.points / 100:,.2f} points"),
        (way.missing.days, f"until {moment(way.time_met_at, 'D')} in your present rank"),
        (way.missing.recommendations, f"{way.missing.recommendations} recommendations"),
    )
    missing = [text for amount, text in lacks if amount]
    words = f"You lack {', '.join(missing)}." if missing else "You lack nothing."
    lock = restrictions.own_lock(found.user_id, way.target, database_clock.now())
    if lock is not None:
        more = f" {plain(restrictions.words_for_member(lock))}"
    else:
        more = f" Expected {moment(way.expected_at)}." if way.expected_at and missing else ""
    return private(f"Your next rank is **{plain(way.target.name)}**. {words}{more}")


def link(asked: Interaction) -> Answer:
    where = addresses.site(addresses.ACCOUNT)
    user_id = links.roblox_id_of(asked.discord_id)
    if user_id is None:
        return private(with_page("Sign in with Roblox and with Discord on this page:", where))
    found = players.player(user_id)
    name = plain(found.username) if found else f"the Roblox user {user_id}"
    return private(with_page(f"You are linked as **{name}**. Change it on this page:", where))


def events(asked: Interaction) -> Answer:
    """List what runs or is planned, each with a time in the reader's own zone."""
    if not kinds.kinds():
        raise Refused("This community hosts no events.")
    found = list(lookup.upcoming(database_clock.now())[:LINES])
    names = dict(Experience.objects.values_list("key", "name"))
    rows = "\n".join(_event(one, names.get(one.experience, "")) for one in found)
    return public(f"**Events**\n{rows or 'Nothing is planned.'}")


def _event(one: HostedEvent, experience: str) -> str:
    title = plain(one.title or kinds.title_of(one.kind))
    where = f" in {plain(experience)}" if experience else ""
    when = f"{moment(one.starts_at, 'F')} ({moment(one.starts_at)})" if one.starts_at else ""
    if one.status == HostedEvent.Status.RUNNING:
        when = "now"
    return f"- **{title}**{where}, by {plain(one.host.username)}: {when}"


def _facts(asked: Interaction) -> PlayerFacts:
    """Return the named player, else the person themselves. Raises Refused."""
    name = str(asked.options.get("player") or "")
    user_id = people.listed(name).user_id if name else people.roblox_id_of(asked.discord_id)
    found = players.player(user_id)
    if found is None:
        raise Refused(NOT_LISTED)
    return found


def _line(one: Line) -> str:
    return f"{one.position}. **{plain(one.username)}** ({plain(one.rank)}): {one.amount:,}"
