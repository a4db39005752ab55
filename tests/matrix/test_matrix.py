"""Every act by every kind of person on every kind of player through every entry point.

It is allowed exactly where the rules say, and a refused act changes nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from players.models import Player, Rank, RankRestriction, Sanction
from tests.matrix.doors import ACTOR, DOORS, TARGET, Door
from tests.matrix.ladder import ALLOWED, ENTITLES, HELD, ORDER, REFUSED, Case, cases

BELOW = "Shock Trooper I"
NOW = timezone.now()


class Undone(Exception):
    """Rolls an attempt back, so that the next one starts from the same state."""


@pytest.fixture
def world(api_key: str) -> str:
    """Create two players. Returns the key of a game."""
    for user_id in (ACTOR, TARGET):
        Player.objects.create(
            user_id=user_id,
            username=f"player_{user_id}",
            rank=Rank.objects.get(name=BELOW),
            rank_since=NOW,
            named_at=NOW,
        )
    return api_key


@contextmanager
def undone() -> Iterator[None]:
    try:
        with transaction.atomic():
            yield
            raise Undone
    except Undone:
        pass


def staged(case: Case) -> int:
    """Set the two players for the case, bypassing the rules. Returns the target's user id."""
    user_id = ACTOR if case.target == "oneself" else TARGET
    if case.bound:
        _set(
            ACTOR,
            case.rank,
            suspended=case.person == "a suspended Imperator",
            banned="banned" in case.person,
        )
    if user_id == TARGET:
        _set(TARGET, case.target_rank, suspended=case.suspended, banned=case.act == "unban")
    if case.act == "pardon":
        _sanction(user_id, Sanction.Kind.WARNING)
    if case.act in {"unlock-promotions", "allow-rank"}:
        rank = Rank.objects.get(name=case.to) if case.act == "allow-rank" else None
        _restrict(user_id, rank)
    return user_id


def _set(user_id: int, rank: str, *, suspended: bool, banned: bool) -> None:
    held = Rank.objects.filter(name=rank).values("pk")
    changes: dict[str, Any] = {"rank": held, "banned": banned}
    if suspended:
        lowest = Rank.objects.filter(name=ORDER[0]).values("pk")
        changes |= {"rank": lowest, "former_rank": held, "former_rank_since": NOW}
        _sanction(user_id, Sanction.Kind.SUSPENSION)
    if banned:
        _sanction(user_id, Sanction.Kind.BAN)
    Player.objects.filter(user_id=user_id).update(**changes)


def _restrict(user_id: int, rank: Rank | None) -> None:
    RankRestriction.objects.create(
        player=Player.objects.get(user_id=user_id),
        rank=rank,
        reason="x",
        issued_by="staff:0",
        starts_at=NOW,
        event=0,
    )


def _sanction(user_id: int, kind: Sanction.Kind) -> None:
    player = Player.objects.get(user_id=user_id)
    Sanction.objects.create(
        player=player, kind=kind, source="staff", reason="x", issued_by="staff:0", starts_at=NOW
    )


@dataclass(frozen=True)
class State:
    """All data of a player that an act may change, recorded refusals, and open approvals."""

    player: tuple[Any, ...]
    refusals: int
    waiting: frozenset[int]


# One query, since it runs twice for each of 2,000 cases.
STATE = """
    SELECT p.rank_id, p.former_rank_id, p.banned, p.adjusted,
           (SELECT array_agg((id, lifted_at)::text ORDER BY id) FROM sanctions WHERE player_id = p.id),
           (SELECT array_agg((id, lifted_at)::text ORDER BY id) FROM rank_restrictions
            WHERE player_id = p.id),
           (SELECT count(*) FROM notes WHERE player_id = p.id),
           (SELECT count(*) FROM quota_exemptions WHERE player_id = p.id AND ended_at IS NULL),
           (SELECT count(*) FROM leaves WHERE player_id = p.id),
           (SELECT count(*) FROM recommendations WHERE player_id = p.id),
           (SELECT count(*) FROM decisions WHERE player_id = p.id),
           (SELECT count(*) FROM audits WHERE action = 'act.refused'),
           ARRAY(SELECT id FROM approvals WHERE status = 'waiting')
    FROM players p WHERE user_id = %s
"""


def state_of(user_id: int) -> State:
    with connection.cursor() as cursor:
        cursor.execute(STATE, [user_id])
        *player, refusals, waiting = cursor.fetchone()
    return State(tuple(player), refusals, frozenset(waiting))


def outcome(case: Case, door: Door) -> str:
    """Return the outcome of a case. Adds every contradiction between the tables and the answer."""
    user_id, expected = staged(case), door.expects(case)
    door.prepare(case, user_id)
    before = state_of(user_id)
    found, said = door.attempt(case, user_id)
    after = state_of(user_id)
    changed, waiting = after.player != before.player, after.waiting - before.waiting
    refusals = after.refusals - before.refusals
    problems = []
    if changed != (found == ALLOWED):
        problems.append("changed something" if changed else "changed nothing")
    if bool(waiting) != (found == HELD):
        problems.append("waits for approval" if waiting else "waits for nobody")
    # Sanctioned people never reach the rule, and not every entry point knows whom to record then.
    if not case.sanctioned and refusals != (1 if said.startswith("You may not") else 0):
        problems.append(f"is told {refusals} times as refused")
    return " but ".join([found, *problems]) + ("" if found == expected else f" ({said})")


@pytest.mark.parametrize(
    ("door", "act"), [(door, act) for door, make in DOORS.items() for act in make("").acts]
)
def test_an_act_is_allowed_exactly_where_the_rules_say(world: str, door: str, act: str) -> None:
    opened = DOORS[door](world)
    wrong = {}
    tried = set()
    for case in cases(act, opened.people):
        with undone():
            found = outcome(case, opened)
        tried.add(opened.expects(case))
        if found != opened.expects(case):
            wrong[f"{case.person} / {case.target}"] = f"{found}, expected {opened.expects(case)}"
    assert wrong == {}
    assert tried - {REFUSED} or act not in ENTITLES, "no case in which the act is possible"


def test_the_ladder_is_the_one_in_force(world: str) -> None:
    assert list(Rank.objects.order_by("position").values_list("name", flat=True)) == list(ORDER)
