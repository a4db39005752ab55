"""Every address of the console answers without a 500 for ids that no column can hold."""

import itertools
import os
from collections.abc import Iterator

from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from audits.actions import Action
from audits.record import NOBODY, Actor, Target, record
from tests.console.conftest import Make

LONG = bool(os.environ.get("GRPS_LONG"))
HUGE = [str(2**63), "9" * 40]
QUERIES = ["after", "before", "q", "rank", "older", "show", "status", "target", "actor", "since"]
NUMBERS = (
    *("<userid:user_id>", "<rowid:pk>", "<rowid:event_id>", "<rowid:number>", "<rowid:event>"),
    *("<path:object_id>", "<path:content_type_id>"),
)
WORDS = {"name": "warn", "act": "adopt", "verb": "approve", "kind": "x", "on": "players"}


def patterns(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    for one in resolver.url_patterns:
        route = prefix + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from patterns(one, route)
        elif isinstance(one, URLPattern):
            yield route


def addresses() -> list[str]:
    """Return the console's routes that contain numbers, as templates: `{}` for each number."""
    found = []
    for route in patterns(get_resolver()):
        if not route.startswith("admin/") or not any(number in route for number in NUMBERS):
            continue
        for number in NUMBERS:
            route = route.replace(number, "{}")
        for name, value in WORDS.items():
            route = route.replace(f"<slug:{name}>", value)
        found.append(f"/{route}")
    return found


def test_there_are_such_addresses() -> None:
    assert len(addresses()) > 30
    assert not [one for one in addresses() if "<" in one]


def test_an_id_that_no_column_holds_is_not_found(owner: Client, player: Make) -> None:
    player(1)
    failed = []
    for address, number in itertools.product(addresses(), HUGE):
        path = address.replace("{}", number)
        failed += [
            path for answer in (owner.get(path), owner.post(path)) if answer.status_code >= 500
        ]
    assert failed == []


def test_no_query_makes_a_list_fail(owner: Client, player: Make) -> None:
    player(1)
    failed = []
    for path in (
        "players/",
        "audit/",
        "approvals/",
        "bulk/",
        "adjustments/",
        "sync/",
        "",
        "palette/",
    ):
        for value in (*HUGE, "-1", "x", "\0", "²", "0:0"):
            answer = owner.get(f"/admin/{path}", dict.fromkeys(QUERIES, value))
            failed += [(path, value)] if answer.status_code >= 500 else []
    assert failed == []


def test_undo_of_any_kind_of_event_about_anything_is_a_page(owner: Client, player: Make) -> None:
    made = player(1)
    actor = Actor("staff", str(made.pk), made.username, made.subject)
    failed = []
    targets = (NOBODY, Target("experience", "nexus", ""), Target("player", "9" * 30, ""))
    # A short run takes one target for each action.
    pairs = itertools.product(Action, targets) if LONG else zip(Action, itertools.cycle(targets))
    for action, target in pairs:
        event = record(action, actor=actor, target=target, reason="seen", details={"decision": 1})
        path = f"/admin/revert/{event}/"
        answers = (owner.get(path), owner.post(path, {"reason": "a mistake"}))
        failed += [(action, target) for answer in answers if answer.status_code >= 500]
    assert failed == []
