"""Locked promotions and denied ranks hold for the policy and for people, until their end."""

import datetime as dt
import json
from collections.abc import Callable

import pytest
from django.utils import timezone

from audits.models import AuditEvent
from common.errors import Refused
from players.actions import undo
from players.active_policy import active
from players.models import Decision, Player, RankRestriction
from players.moderation.actors import at_the_shell
from players.moderation.command import Command
from players.policy.bundle import parse_bundle
from players.policy.ranks import Condition
from players.policy_changes.simulation_query import simulate
from players.ranks import locks
from players.ranks.candidates import candidate_for
from players.ranks.decisions import approve, propose, set_rank
from players.ranks.evaluation import assess
from players.ranks.schedule import evaluate_due
from tests.players.conftest import Game
from tests.players.ranks.test_decisions import officer

Stands = Callable[..., Player]
WEEK = dt.timedelta(days=7)


def command(reason: str = "Voted by the command") -> Command:
    return Command(by=at_the_shell(), reason=reason, now=timezone.now())


def rank_of(user_id: int = 1) -> str:
    return Player.objects.select_related("rank").get(user_id=user_id).rank.name


def failed_of(player: Player) -> tuple[Condition, ...]:
    return assess([candidate_for(player)], active(), timezone.now())[player.pk].failed


def test_a_lock_makes_a_promotion_wait_until_its_end(game: Game, stands: Stands) -> None:
    player = stands(49, days=1)
    locks.lock_promotions(1, timezone.now() + WEEK, command())
    game.send(game.event(1, 2, awarded=15, total=64))
    assert rank_of() == "Initiate"
    player.refresh_from_db()
    assert failed_of(player) == (Condition.LOCKED,)
    assert evaluate_due() == 0
    assert evaluate_due(timezone.now() + WEEK) == 1
    assert rank_of() == "Shock Trooper I"


def test_an_unlocked_player_is_promoted_at_once(stands: Stands) -> None:
    stands(60, days=1)
    locks.lock_promotions(1, None, command())
    locks.unlock_promotions(1, command("They made up for it"))
    assert rank_of() == "Shock Trooper I"
    event = AuditEvent.objects.get(action="promotions.unlocked")
    assert event.details["before"]["until"] is None
    with pytest.raises(Refused, match="not locked"):
        locks.unlock_promotions(1, command())


def test_a_lock_withdraws_what_the_policy_proposed(stands: Stands) -> None:
    stands(4500, "Captain II", days=32)
    evaluate_due()
    locks.lock_promotions(1, None, command())
    assert Decision.objects.get().status == "withdrawn"


def test_nobody_promotes_by_hand_past_a_lock(stands: Stands) -> None:
    stands(0, "Captain I", days=1)
    major = officer("Tempest Major")
    proposal = propose(1, "Captain II", Command(by=major, reason="Good", now=timezone.now()))
    locks.lock_promotions(1, timezone.now() + WEEK, command())
    with pytest.raises(Refused, match="promotions are locked until"):
        set_rank(1, "Captain II", command())
    with pytest.raises(Refused, match="promotions are locked until"):
        approve(proposal.pk, by=at_the_shell(), reason="Good", now=timezone.now())
    set_rank(1, "Initiate", command())
    assert rank_of() == "Initiate"


def test_a_denied_rank_is_given_by_nobody(stands: Stands) -> None:
    stands(60, days=1)
    locks.deny_rank(1, "Shock Trooper I", command())
    assert evaluate_due() == 0
    with pytest.raises(Refused, match="denied the rank Shock Trooper I"):
        set_rank(1, "Shock Trooper I", command())
    set_rank(1, "Shock Trooper II", command())
    set_rank(1, "Initiate", command())
    locks.allow_rank(1, "Shock Trooper I", command())
    with pytest.raises(Refused, match="not denied"):
        locks.allow_rank(1, "Shock Trooper I", command())


def test_a_lock_that_ended_can_be_followed_by_another(stands: Stands) -> None:
    player = stands(0)
    locks.lock_promotions(1, timezone.now() + WEEK, command())
    with pytest.raises(Refused, match="already"):
        locks.lock_promotions(1, None, command())
    past = timezone.now() - WEEK
    RankRestriction.objects.update(starts_at=past - WEEK, ends_at=past)
    locks.lock_promotions(1, None, command())
    assert player.rank_restrictions.filter(lifted_at=None).count() == 1


@pytest.mark.parametrize("act", ["lock", "unlock", "deny", "allow"])
def test_each_act_is_undone(stands: Stands, act: str) -> None:
    stands(0)
    acts: dict[str, Callable[[], object]] = {
        "lock": lambda: locks.lock_promotions(1, timezone.now() + WEEK, command()),
        "unlock": lambda: locks.unlock_promotions(1, command()),
        "deny": lambda: locks.deny_rank(1, "Captain I", command()),
        "allow": lambda: locks.allow_rank(1, "Captain I", command()),
    }
    if act in {"unlock", "allow"}:
        acts["lock" if act == "unlock" else "deny"]()
    ends = set(RankRestriction.objects.values_list("ends_at", flat=True))
    acts[act]()
    last = AuditEvent.objects.latest("pk")
    undo.revert(last.pk, command("A mistake"))
    open_ones = RankRestriction.objects.filter(lifted_at=None)
    assert open_ones.exists() == (act in {"unlock", "allow"})
    assert not open_ones.exists() or set(open_ones.values_list("ends_at", flat=True)) == ends
    with pytest.raises(Refused, match="taken back already"):
        undo.revert(last.pk, command())


def test_a_simulation_promotes_nobody_who_is_locked(stands: Stands) -> None:
    stands(45, days=3)
    documents, now = json.loads(json.dumps(active().bundle.documents)), timezone.now()
    ranks = documents["ranks"]["ranks"]
    next(row for row in ranks if row["name"] == "Shock Trooper I")["minPoints"] = 40
    cheaper = parse_bundle(documents)

    def due() -> int:
        return sum(row.promoted for row in simulate(cheaper, now))

    assert due() == 1
    locks.deny_rank(1, "Captain I", command())
    assert due() == 1
    locks.deny_rank(1, "Shock Trooper I", command())
    assert due() == 0
    locks.allow_rank(1, "Shock Trooper I", command())
    locks.lock_promotions(1, None, command())
    assert due() == 0
