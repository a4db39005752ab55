"""Missing or odd values in an act are refused or held for a second person, never allowed."""

from dataclasses import replace

import pytest

from players.policy.bundle import Bundle, parse_bundle
from players.policy.permissions import NEEDS, Act, Refusal, may
from tests.players.policy.conftest import MEMBERS


@pytest.mark.parametrize("act", [Act.PROMOTE, Act.DEMOTE])
def test_a_change_of_rank_without_its_rank_is_refused(bundle: Bundle, act: Act) -> None:
    imperator, initiate = bundle.by_name["Imperator"], bundle.by_name["Initiate"]
    assert may(act, imperator, initiate, own=False, **MEMBERS).reason is Refusal.NO_RANK
    assert may(
        act, imperator, initiate, own=False, to=bundle.by_name["Captain I"], **MEMBERS
    ).allowed


@pytest.mark.parametrize(
    ("amount", "today"), [(-100_01, 0), (-1, 100_00), (1, -100_00), (-60_00, 40_01)]
)
def test_a_sign_carries_nobody_past_the_limit(bundle: Bundle, amount: int, today: int) -> None:
    colonel, initiate = bundle.by_name["Electro Colonel"], bundle.by_name["Initiate"]
    assert may(
        Act.ADJUST, colonel, initiate, own=False, amount=amount, adjusted_today=today, **MEMBERS
    ).second


def test_no_limit_is_one_of_the_day_and_not_of_second_eyes(bundle: Bundle) -> None:
    command, initiate = bundle.by_name["Supreme Command"], bundle.by_name["Initiate"]
    for amount, second in (
        (1_000_00, False),
        (-1_000_00, False),
        (1_000_01, True),
        (-9_000_000_000_00, True),
    ):
        verdict = may(
            Act.ADJUST,
            command,
            initiate,
            own=False,
            amount=amount,
            adjusted_today=10_000_000_00,
            **MEMBERS,
        )
        assert (verdict.allowed, verdict.second) == (True, second), amount


def test_the_amount_that_needs_second_eyes_is_the_policys(bundle: Bundle) -> None:
    documents = {
        **bundle.documents,
        "permissions": {**bundle.documents["permissions"], "secondPersonAbove": 20.5},
    }
    command, initiate = bundle.by_name["Supreme Command"], bundle.by_name["Initiate"]
    above = parse_bundle(documents).second_above
    assert above == 20_50
    assert not may(
        Act.ADJUST, command, initiate, own=False, amount=20_50, second_above=above, **MEMBERS
    ).second
    assert may(
        Act.ADJUST, command, initiate, own=False, amount=-20_51, second_above=above, **MEMBERS
    ).second


def test_only_an_adjustment_uses_up_the_limit(bundle: Bundle) -> None:
    colonel, initiate = bundle.by_name["Electro Colonel"], bundle.by_name["Initiate"]
    verdict = may(Act.WARN, colonel, initiate, own=False, adjusted_today=100_01, **MEMBERS)
    assert (verdict.allowed, verdict.second) == (True, False)


@pytest.mark.parametrize("kind", [{"is_punishment": True}, {"ignored": True}])
def test_the_suspended_and_side_posts_do_not_act(bundle: Bundle, kind: dict[str, bool]) -> None:
    imperator, initiate = bundle.by_name["Imperator"], bundle.by_name["Initiate"]
    given_by_mistake = replace(imperator, **kind)  # type: ignore[arg-type]
    assert (
        may(Act.WARN, given_by_mistake, initiate, own=False, **MEMBERS).reason
        is Refusal.NOT_ENTITLED
    )


def test_an_act_that_the_table_does_not_know_is_refused(bundle: Bundle) -> None:
    imperator, initiate = bundle.by_name["Imperator"], bundle.by_name["Initiate"]
    verdict = may("rename", imperator, initiate, own=False, **MEMBERS)  # type: ignore[arg-type]
    assert (verdict.allowed, verdict.reason) == (False, Refusal.NOT_ENTITLED)


def test_every_act_has_its_entitlement() -> None:
    assert set(NEEDS) == set(Act)


def test_equals_do_not_act_on_each_other(bundle: Bundle) -> None:
    imperator = bundle.by_name["Imperator"]
    assert may(Act.WARN, imperator, imperator, own=False, **MEMBERS).reason is Refusal.ABOVE
