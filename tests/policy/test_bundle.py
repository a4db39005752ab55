"""A bundle is valid as a whole, or every defect is named with its file, its place and its mend."""

import json
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from players.policy.bundle import Bundle, PolicyError, load_bundle, parse_bundle
from tests.policy.conftest import CONFIG

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
    assert again.points == bundle.points


def test_the_version_does_not_depend_on_the_order_of_keys_or_on_trailing_zeros(
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


DEFECTS: dict[str, tuple[Break, str, str]] = {
    "a name twice": (_rank(3, name="Shock Trooper I"), "policy.ranks.json", "$.ranks[3].name"),
    "a role twice": (_rank(3, role=4), "policy.ranks.json", "$.ranks[3].role"),
    "points that do not rise": (_rank(3, minPoints=50), "policy.ranks.json", "$.ranks[3].minPoints"),
    "a role out of range": (_rank(3, role=256), "policy.ranks.json", "$.ranks[3].role"),
    "an unknown field": (_rank(3, colour="red"), "policy.ranks.json", "$.ranks[3]"),
    "a first rank that asks for points": (_rank(1, minPoints=1), "policy.ranks.json", "$.ranks[1]"),
    "no punishment rank": (_rank(0, isPunishment=False, minPoints=-0), "policy.ranks.json", "$.ranks"),
    "a third of a hundredth": (_rank(3, minPoints=Decimal("150.001")), "policy.ranks.json", "$.ranks[3].minPoints"),
    "an unknown level": (
        lambda documents: documents["permissions"]["ranks"]["Envoy"].update(level="XX"),
        "permissions.json",
        "$.ranks.Envoy.level",
    ),
    "a rank without permissions": (
        lambda documents: documents["permissions"]["ranks"].pop("Envoy"),
        "permissions.json",
        "$.ranks",
    ),
    "permissions for nobody": (
        lambda documents: documents["permissions"]["ranks"].update(Ghost=documents["permissions"]["ranks"]["Envoy"]),
        "permissions.json",
        "$.ranks.Ghost",
    ),
    "thresholds the wrong way round": (
        lambda documents: documents["punishments"].update(trial_threshold=7),
        "policy.punishments.json",
        "$.trial_threshold",
    ),
    "a day's cap above the week's": (
        lambda documents: documents["points"].update(dailyCap=2501),
        "policy.points.json",
        "$.dailyCap",
    ),
    "a weight for an unknown level": (
        lambda documents: documents["points"]["events"]["recommendation"]["weightByLevel"].update(ZZ=1),
        "policy.points.json",
        "$.events.recommendation.weightByLevel.ZZ",
    ),
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
    with pytest.raises(PolicyError) as caught:
        parse_bundle(documents)
    assert {problem.file for problem in caught.value.problems} == {"policy.punishments.json", "policy.points.json"}


def test_a_missing_and_a_broken_file_are_both_named(tmp_path: Path) -> None:
    shutil.copytree(CONFIG, tmp_path, dirs_exist_ok=True)
    (tmp_path / "permissions.json").unlink()
    (tmp_path / "policy.points.json").write_text("{")
    with pytest.raises(PolicyError) as caught:
        load_bundle(tmp_path)
    assert {problem.file for problem in caught.value.problems} == {"permissions.json", "policy.points.json"}
