"""A bundle is valid as a whole, or every defect is named with its file, place and correction."""

import json
import re
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from players.policy.bundle import Bundle, load_bundle, parse_bundle
from players.policy.community import (
    Activity,
    Community,
    Discord,
    JoinRequests,
    LeaveRules,
    Miss,
    Outcome,
    TimeInRank,
)
from players.policy.validation import FILES, PolicyError
from tests.players.policy.conftest import CONFIG

Break = Callable[[dict[str, Any]], object]


def test_the_project_s_ladder_is_the_community_s(bundle: Bundle) -> None:
    assert (len(bundle.ranks), len(bundle.ladder), len(bundle.levels)) == (24, 21, 7)
    assert bundle.first.name == "Initiate"
    assert bundle.suspended.name == "Suspended"
    assert bundle.by_name["Imperator"].min_points == 45_000_00
    assert bundle.points.events["ko"].weight == 25
    assert bundle.points.events["wo"].weight == -10


def test_side_posts_are_not_steps_of_the_ladder(bundle: Bundle) -> None:
    after_captain = bundle.next_after(bundle.by_name["Captain II"])
    assert after_captain is bundle.by_name["Tempest Major"]
    assert bundle.next_after(bundle.by_name["Envoy"]) is None
    assert bundle.below(bundle.by_name["Tempest Major"]) is bundle.by_name["Captain II"]


def test_the_version_survives_the_way_through_the_database(bundle: Bundle) -> None:
    again = parse_bundle(json.loads(json.dumps(bundle.documents)))
    assert again.version == bundle.version
    assert re.fullmatch("[0-9a-f]{16}", bundle.version)
    assert again.points == bundle.points


def test_the_version_ignores_key_order_and_trailing_zeros(
    bundle: Bundle, documents: dict[str, Any]
) -> None:
    documents["points"] = dict(reversed(documents["points"].items()))
    documents["points"]["dailyCap"] = Decimal("500.00")
    assert parse_bundle(documents).version == bundle.version


def test_the_version_changes_with_a_figure(bundle: Bundle, documents: dict[str, Any]) -> None:
    documents["points"]["dailyCap"] = 501
    assert parse_bundle(documents).version != bundle.version


@pytest.mark.parametrize("empty", [None, {}, {"$schema": "./policy.community.schema.json"}])
def test_without_the_community_document_all_of_it_is_off(
    documents: dict[str, Any], empty: Any
) -> None:
    four = {key: document for key, document in documents.items() if key != "community"}
    before = parse_bundle(four)
    assert before.community == Community()
    after = parse_bundle(four | {"community": empty})
    assert (after.version, after.community) == (before.version, Community())
    assert "community" not in after.documents
    assert parse_bundle(documents).version != before.version


def test_a_folder_of_four_files_is_a_policy(folder: Path) -> None:
    (folder / "policy.community.json").unlink()
    assert load_bundle(folder).community == Community()


def test_the_community_document_has_the_features(bundle: Bundle) -> None:
    found = bundle.community
    training = found.hosted_events["training"]
    assert (training.award, training.hosts) == ("training", ("CMD", "CCM", "LDR"))
    assert found.activity == Activity(120, "activity")
    assert found.quotas[0].misses == (Miss(1, Outcome.REPORT),)
    assert found.leave == LeaveRules(60, ("CCM", "LDR"), TimeInRank.CONTINUES, 1)
    assert found.join_requests == JoinRequests(False, 30)
    assert found.discord == Discord(True, True)


def _community(section: str, **changes: Any) -> Break:
    return lambda documents: documents["community"][section].update(changes)


def _training(**changes: Any) -> Break:
    return lambda documents: documents["community"]["hostedEvents"]["kinds"]["training"].update(
        changes
    )


def _quota(**changes: Any) -> Break:
    return lambda documents: documents["community"]["quotas"][0].update(changes)


def _multiplied(**changes: Any) -> Break:
    row = {"name": "x", "from": "2026-12-05T00:00:00Z", "to": "2026-12-07T00:00:00Z", "factor": 2}
    return lambda documents: documents["points"].update(multipliers=[row | changes])


def _two_weekends(documents: dict[str, Any]) -> None:
    _multiplied()(documents)
    documents["points"]["multipliers"] *= 2


def _rank(index: int, **changes: Any) -> Break:
    return lambda documents: documents["ranks"]["ranks"][index].update(changes)


def _without_a_role(documents: dict[str, Any]) -> None:
    del documents["ranks"]["ranks"][3]["role"]


def _nobody_climbs(documents: dict[str, Any]) -> None:
    for rank in documents["ranks"]["ranks"]:
        rank["ignored"] = True


KINDS = "hostedEvents.kinds.training"
COMMUNITY = {
    "an award nobody knows": (_training(award="picnic"), f"{KINDS}.award"),
    "a recommendation for hosts": (_training(hostAward="recommendation"), f"{KINDS}.hostAward"),
    "a host's level nobody has": (_training(hosts=["CMD", "X"]), f"{KINDS}.hosts[1]"),
    "an event nobody may host": (_training(hosts=[]), f"{KINDS}.hosts"),
    "a tick without a time": (_community("activity", tick="ko"), "activity.tick"),
    "a tick nobody knows": (_community("activity", tick="picnic"), "activity.tick"),
    "a quota for nobody": (_quota(levels=[]), "quotas[0]"),
    "a quota of nothing": (_quota(minutes=0, hosted=0), "quotas[0]"),
    "a quota's rank nobody has": (_quota(ranks=["X"]), "quotas[0].ranks[0]"),
    "misses that do not rise": (
        _quota(misses=[{"after": 2, "outcome": "warn"}, {"after": 1, "outcome": "report"}]),
        "quotas[0].misses",
    ),
    "an approver nobody has": (_community("leave", approvers=["X"]), "leave.approvers[0]"),
    "a rule nobody knows": (_community("joinRequests", decide="dice"), "joinRequests.decide"),
}
MULTIPLIERS = {
    "a day that is none": (_multiplied(to="2027-02-29T00:00:00Z"), "multipliers[0].to"),
    "an end before the start": (_multiplied(to="2026-12-05T00:00:00Z"), "multipliers[0].to"),
    "an event nobody knows": (_multiplied(events=["picnic"]), "multipliers[0].events"),
    "a factor below one": (_multiplied(factor=0.5), "multipliers[0].factor"),
    "a factor of three decimals": (_multiplied(factor=1.005), "multipliers[0].factor"),
    "a multiplier twice": (_two_weekends, "multipliers[1].name"),
}
DEFECTS: dict[str, tuple[Break, str, str]] = {
    **{name: (change, "policy.community.json", path) for name, (change, path) in COMMUNITY.items()},
    **{name: (change, "policy.points.json", path) for name, (change, path) in MULTIPLIERS.items()},
    "a name twice": (_rank(3, name="Shock Trooper I"), "policy.ranks.json", "ranks[3].name"),
    "a role twice": (_rank(3, role=4), "policy.ranks.json", "ranks[3].role"),
    "points that do not rise": (_rank(3, minPoints=50), "policy.ranks.json", "ranks[3].minPoints"),
    "a role out of range": (_rank(3, role=256), "policy.ranks.json", "ranks[3].role"),
    "a colour's name": (_rank(3, colour="red"), "policy.ranks.json", "ranks[3].colour"),
    "a long description": (
        _rank(3, description="x" * 201),
        "policy.ranks.json",
        "ranks[3].description",
    ),
    "an unknown field": (_rank(3, color="#2f81f7"), "policy.ranks.json", "ranks[3]"),
    "a first rank that asks for points": (_rank(1, minPoints=1), "policy.ranks.json", "ranks[1]"),
    "no punishment rank": (
        _rank(0, isPunishment=False, minPoints=-0),
        "policy.ranks.json",
        "ranks",
    ),
    "a third of a hundredth": (
        _rank(3, minPoints=Decimal("150.001")),
        "policy.ranks.json",
        "ranks[3].minPoints",
    ),
    "an unknown level": (
        lambda documents: documents["permissions"]["ranks"]["Envoy"].update(level="XX"),
        "permissions.json",
        "ranks.Envoy.level",
    ),
    "a rank without permissions": (
        lambda documents: documents["permissions"]["ranks"].pop("Envoy"),
        "permissions.json",
        "ranks",
    ),
    "permissions for nobody": (
        lambda documents: documents["permissions"]["ranks"].update(
            Ghost=documents["permissions"]["ranks"]["Envoy"]
        ),
        "permissions.json",
        "ranks.Ghost",
    ),
    "thresholds the wrong way round": (
        lambda documents: documents["punishments"].update(trial_threshold=7),
        "policy.punishments.json",
        "trial_threshold",
    ),
    "a day's cap above the week's": (
        lambda documents: documents["points"].update(dailyCap=2501),
        "policy.points.json",
        "dailyCap",
    ),
    "a weight for an unknown level": (
        lambda documents: documents["points"]["events"]["recommendation"]["weightByLevel"].update(
            ZZ=1
        ),
        "policy.points.json",
        "events.recommendation.weightByLevel.ZZ",
    ),
    "a recommendation that anybody may give": (
        lambda documents: documents["points"]["events"].update(
            recommendation={"weight": 10, "recommends": True}
        ),
        "policy.points.json",
        "events.recommendation",
    ),
    "a misspelt choice": (
        lambda documents: documents["ranks"].update(demotion="of"),
        "policy.ranks.json",
        "demotion",
    ),
    "a field left out": (_without_a_role, "policy.ranks.json", "ranks[3]"),
    "half a day": (
        _rank(3, minTimeDays=Decimal("0.5")),
        "policy.ranks.json",
        "ranks[3].minTimeDays",
    ),
    "a privileged first rank": (_rank(1, privileged=True), "policy.ranks.json", "ranks[1]"),
    "no ladder": (_nobody_climbs, "policy.ranks.json", "ranks"),
    "no document at all": (lambda documents: documents.pop("points"), "policy.points.json", "$"),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_is_named_with_file_place_and_mend(defect: str, documents: dict[str, Any]) -> None:
    spoil, file, path = DEFECTS[defect]
    spoil(documents)
    with pytest.raises(PolicyError) as caught:
        parse_bundle(documents)
    named = {(problem.file, problem.path) for problem in caught.value.problems}
    assert (file, path) in named
    assert all(problem.fix and problem.message for problem in caught.value.problems)
    assert f"{file}: {path}: " in str(caught.value)


def test_all_defects_are_told_at_once(documents: dict[str, Any]) -> None:
    documents["punishments"]["trial_threshold"] = 9
    documents["points"]["dailyCap"] = 9000
    assert _defects(documents) == {
        ("policy.punishments.json", "trial_threshold"),
        ("policy.points.json", "dailyCap"),
    }


def test_a_breach_of_one_schema_hides_no_defect_of_another_file(documents: dict[str, Any]) -> None:
    documents["ranks"]["ranks"][3]["role"] = 256
    documents["ranks"]["ranks"][4]["canEarn"] = "yes"
    documents["punishments"]["trial_threshold"] = 9
    documents["permissions"]["ranks"]["Envoy"]["level"] = "XX"
    assert _defects(documents) == {
        ("policy.ranks.json", "ranks[3].role"),
        ("policy.ranks.json", "ranks[4].canEarn"),
        ("policy.punishments.json", "trial_threshold"),
        ("permissions.json", "ranks.Envoy.level"),
    }


def _defects(documents: dict[str, Any]) -> set[tuple[str, str]]:
    with pytest.raises(PolicyError) as caught:
        parse_bundle(documents)
    return {(problem.file, problem.path) for problem in caught.value.problems}


def test_a_defect_is_one_line_to_read(documents: dict[str, Any]) -> None:
    documents["ranks"]["ranks"][3]["minPoints"] = Decimal("49.50")
    with pytest.raises(PolicyError) as caught:
        parse_bundle(documents)
    assert str(caught.value) == (
        "policy.ranks.json: ranks[3].minPoints: 49.50 is not above 50, which Shock Trooper I asks for. "
        "Fix: let the points rise along the ladder."
    )


@pytest.mark.parametrize("number", ["1e40", "-1e40", "1e999999", "1e-40", "0.001"])
def test_a_number_out_of_reach_is_a_defect_like_others(
    number: str, documents: dict[str, Any]
) -> None:
    documents["permissions"]["ranks"]["Envoy"]["adjustLimit"] = Decimal(number)
    assert _defects(documents) == {("permissions.json", "ranks.Envoy.adjustLimit")}


@pytest.mark.parametrize("number", [float("nan"), float("inf"), Decimal("-Infinity"), True, "5"])
def test_what_is_no_number_is_a_defect_like_others(
    number: object, documents: dict[str, Any]
) -> None:
    documents["permissions"]["ranks"]["Envoy"]["adjustLimit"] = number
    assert _defects(documents) == {("permissions.json", "ranks.Envoy.adjustLimit")}


@settings(max_examples=100)  # each holds 24 amounts and checks two bundles, 30 ms
@given(st.lists(st.integers(0, 100_000_000_000), min_size=24, max_size=24))
def test_every_amount_survives_the_way_through_json(amounts: list[int]) -> None:
    documents = {key: json.loads((CONFIG / name).read_text()) for key, name in FILES.items()}
    for row, amount in zip(documents["permissions"]["ranks"].values(), amounts, strict=True):
        row["adjustLimit"] = Decimal(amount) / 100
    bundle = parse_bundle(documents)
    again = parse_bundle(json.loads(json.dumps(bundle.documents)))
    assert [
        again.by_name[name].adjust_limit for name in documents["permissions"]["ranks"]
    ] == amounts
    assert again.version == bundle.version


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Copy the project's policy files to a folder, which the test may change."""
    shutil.copytree(CONFIG, tmp_path, dirs_exist_ok=True)
    return tmp_path


def _unreadable(folder: Path) -> set[str]:
    with pytest.raises(PolicyError) as caught:
        load_bundle(folder)
    return {problem.file for problem in caught.value.problems}


def test_a_broken_file_hides_no_other_defect(folder: Path) -> None:
    (folder / "permissions.json").unlink()
    (folder / "policy.points.json").write_text("{")
    punishments = json.loads((folder / "policy.punishments.json").read_text())
    (folder / "policy.punishments.json").write_text(
        json.dumps(punishments | {"trial_threshold": 9})
    )
    assert _unreadable(folder) == {
        "permissions.json",
        "policy.points.json",
        "policy.punishments.json",
    }


def test_no_rank_stands_twice_among_the_permissions(folder: Path) -> None:
    path = folder / "permissions.json"
    again = '"Initiate": {"level": "LDR", "canWarn": true, "canAdjust": true, "adjustLimit": null, "canBan": true},'
    path.write_text(path.read_text().replace('"ranks": {', '"ranks": {' + again))
    assert _unreadable(folder) == {"permissions.json"}


@pytest.mark.parametrize(
    "content", [b"\xff{}", b"[" * 100_000, b'{"dailyCap": NaN}', b"[1e99999999999999999999]"]
)
def test_a_file_that_cannot_be_read_is_named(content: bytes, folder: Path) -> None:
    (folder / "policy.points.json").write_bytes(content)
    assert _unreadable(folder) == {"policy.points.json"}
