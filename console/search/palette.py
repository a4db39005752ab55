"""The command palette: pages, players and actions that match the input and are allowed."""

import datetime as dt
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from common import database_clock
from common.visible_text import isolated
from console import navigation
from console.decorators import page
from console.players import queries
from players.actions import registry
from players.actions.facts import Facts, load_facts
from players.actions.staff_action import StaffAction
from players.models import Player
from players.moderation.actors import Staff, staff_of
from players.moderation.authorization import Circumstances, permission_for

MOST = 8  # of each kind
RECENT = "console-recent"
MOST_RECENT = 5
WORDS = re.compile(r"[^\w']+")


@dataclass(frozen=True, slots=True)
class Offer:
    """An entry of the palette. `dialog`: it opens in a dialog."""

    title: str
    address: str
    hint: str = ""
    dialog: bool = False


@page()
def palette(request: HttpRequest) -> HttpResponse:
    q = " ".join(request.GET.get("q", "").replace("\0", "").split())[:100]
    groups = _found(request, q) if q else _first(request)
    filled = [(name, list(itertools.islice(offers, MOST))) for name, offers in groups]
    return render(
        request, "console/palette.html", {"groups": [group for group in filled if group[1]], "q": q}
    )


def remember(request: HttpRequest, player: Player) -> None:
    """Remember the last opened case files for the palette: our ids, in the session only."""
    former = [pk for pk in request.session.get(RECENT, []) if pk != player.pk]
    request.session[RECENT] = [player.pk, *former][:MOST_RECENT]


def _first(request: HttpRequest) -> Iterator[tuple[str, Iterable[Offer]]]:
    """Yield the entries that are shown before any input."""
    if request.user.has_perm("players.view_player"):
        recent = request.session.get(RECENT, [])
        found = Player.objects.select_related("rank").in_bulk(recent)
        yield "Recent players", (_player(found[pk]) for pk in recent if pk in found)
    yield (
        "Pages",
        (
            Offer(one.title, address, f"g {one.key}")
            for one, address in navigation.pages(request.user)
        ),
    )


def _found(request: HttpRequest, q: str) -> Iterator[tuple[str, Iterable[Offer]]]:
    by, now = staff_of(request), database_clock.now()
    sees = request.user.has_perm("players.view_player")
    verb, _, name = q.partition(" ")
    if sees and name:
        allowed = [
            action
            for action in registry.ACTIONS
            if action.on_player and request.user.has_perm(action.right)
        ]
        actions = _matching(verb, [(action.name, action) for action in allowed])
        people = queries.beginning_with(name, MOST) if actions else []
        yield "Acts", _acts(actions, people, by, now)
    if sees:
        yield "Players", map(_player, queries.beginning_with(q, MOST))
    yield (
        "Pages",
        (
            Offer(one.title, address, f"g {one.key}")
            for one, address in _matching(
                q, [(found[0].title, found) for found in navigation.pages(request.user)]
            )
        ),
    )


def _matching[T](typed: str, named: Iterable[tuple[str, T]]) -> list[T]:
    """Return what has the typed text in its name: first where a word of it begins with the text."""
    text = typed.lower()
    found = [(_place(text, name.lower()), one) for name, one in named if text in name.lower()]
    return [one for _, one in sorted(found, key=lambda each: each[0])]


def _place(text: str, name: str) -> int:
    """Return 0 where the name begins with the text, 1 where a later word does, else 2."""
    if name.startswith(text):
        return 0
    return 1 if any(word.startswith(text) for word in WORDS.split(name)) else 2


def _acts(
    actions: list[StaffAction], people: list[Player], by: Staff, now: dt.datetime
) -> Iterator[Offer]:
    facts = load_facts(people, by, now)
    actions = [action for action in actions if not registry.why_not_by(action, by)]
    for player in people:
        for action in actions:
            address = navigation.act(action.name, player.user_id)
            if address and _is_possible(action, facts[player.pk]):
                title = f"{action.phrase} {isolated(player.username)}"
                yield Offer(title, address, player.rank.name, dialog=True)


def _is_possible(action: StaffAction, facts: Facts) -> bool:
    if registry.why_not(action, facts):
        return False
    policy = facts.policy
    return permission_for(
        action.permission,
        facts.player,
        facts.by,
        Circumstances(facts.now, policy=policy, to=policy.bundle.first),
    ).allowed


def _player(player: Player) -> Offer:
    address = navigation.player(player.user_id) or navigation.to(
        "admin:players_player_change", player.pk
    )
    state = queries.state_of(player, None)[0]
    return Offer(
        player.username, address, f"{player.rank.name}{', ' if state else ''}{state.lower()}"
    )


urls = [path("palette/", palette, name="palette")]
