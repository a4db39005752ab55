"""The checks of a file's rows in SQL agree with the rule in Python for every pair of ranks."""

from itertools import product

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audits.record import Actor
from players.active_policy import active
from players.mass_adjustments import file_previews
from players.mass_adjustments.files import FileRow
from players.mass_adjustments.lifecycle import ADJUSTMENTS
from players.mass_adjustments.row_checks import ABOVE, OWN, why_not_entitled
from players.models import Adjustment, Player, Rank
from players.moderation.actors import Staff
from players.moderation.authorization import kept_rank
from players.policy.bundle import RankRule
from players.policy.membership import MembershipStatus
from players.policy.permissions import Act, Refusal, may
from tests.players.mass_adjustments.conftest import OWNER

pytestmark = pytest.mark.django_db


def staff(rank: RankRule, user_id: int) -> Staff:
    return Staff(Actor("staff", str(user_id), "an officer", f"staff:{user_id}"), rank, user_id)


def judged_rank(player: Player) -> RankRule | None:
    """Return the rank by which the hierarchy judges a player."""
    if player.former_rank is not None:
        return kept_rank(player.former_rank, active())
    return active().ranks.get(player.rank_id)


def rule(by: Staff, player: Player) -> str:
    """Return the refusal by the rule in Python; empty if it allows the adjustment."""
    held = judged_rank(player)
    assert by.rank is not None
    if held is None and not by.is_player(player):
        return str(Refusal.ABOVE)
    found = may(
        Act.ADJUST,
        by.rank,
        held or active().bundle.first,
        own=by.is_player(player),
        actor_membership=MembershipStatus.MEMBER,
        target_membership=MembershipStatus.MEMBER,
    )
    return "" if found.allowed else str(found.reason)


@pytest.fixture
def players(bootstrapped: None) -> list[Player]:
    """Create a player for each pair of a present and a former rank, in and out of the policy."""
    now = timezone.now()
    retired = Rank.objects.get(name="Electro Colonel")
    retired.pk, retired.name, retired.slug = None, "Old Guard", "old-guard"
    retired.position, retired.retired = 500, True
    retired.save()
    ranks = list(Rank.objects.all())
    Player.objects.bulk_create(
        Player(
            user_id=number,
            username=f"player_{number}",
            rank=held,
            former_rank=former,
            rank_since=now,
            named_at=now,
        )
        for number, (held, former) in enumerate(product(ranks, [None, *ranks]), 1)
    )
    return list(Player.objects.select_related("rank", "former_rank").order_by("user_id"))


def preview(players: list[Player], by: Staff) -> Adjustment:
    rows = [FileRow(line, player.user_id, 1) for line, player in enumerate(players, 1)]
    return file_previews.preview(rows, by=by, reason="a test", now=timezone.now())


SQL_NOTES = {str(Refusal.OWN): OWN, str(Refusal.ABOVE): ABOVE, "": ""}


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rank=st.integers(0), own=st.integers(0))
def test_a_preview_skips_who_the_rule_refuses(players: list[Player], rank: int, own: int) -> None:
    entitled = [one for one in active().bundle.ranks if not why_not_entitled(staff(one, 0))]
    by = staff(entitled[rank % len(entitled)], players[own % len(players)].user_id)
    notes = dict(preview(players, by).lines.values_list("user_id", "note"))
    assert notes == {player.user_id: SQL_NOTES[rule(by, player)] for player in players}


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rank=st.integers(0), own=st.integers(0), picked=st.sets(st.integers(0, 60), min_size=1))
def test_a_second_person_is_refused_as_the_rule_refuses(
    players: list[Player], rank: int, own: int, picked: set[int]
) -> None:
    entitled = [one for one in active().bundle.ranks if not why_not_entitled(staff(one, 0))]
    some = [players[number * 7 % len(players)] for number in sorted(picked)]
    some = list({player.pk: player for player in some}.values())
    by = staff(entitled[rank % len(entitled)], players[own % len(players)].user_id)
    why_not = ADJUSTMENTS.why_not_approve_rows(preview(some, OWNER), by, timezone.now())
    refused = [(line, found) for line, player in enumerate(some, 1) if (found := rule(by, player))]
    if not refused:
        assert why_not == ""
        return
    line, reason = refused[0]
    assert f"line {line} " in why_not
    assert ("yourself" in why_not) == (reason == Refusal.OWN)
