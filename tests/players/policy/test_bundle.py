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


def _rank(index: int, **changes: Any) -> Break:
    return lambda documents: documents["ranks"]["ranks"][index].update(changes)


def _without_a_role(documents: dict[str, Any]) -> None:
    del documents["ranks"]["ranks"][3]["role"]


def _nobody_climbs(documents: dict[str, Any]) -> None:
    for rank in documents["ranks"]["ranks"]:
        rank["ignored"] = True


DEFECTS: dict[str, tuple[Break, str, str]] = {
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
