"""The public part of a policy, what an activation changed in it, and slugs of ranks."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from players.policy.bundle import Bundle, parse_bundle
from players.policy.public_changes import public_changes
from players.policy.public_document import public_document
from players.policy.slugs import free_slug, slug_of

Documents = dict[str, Any]


def changed(documents: Documents, bundle: Bundle) -> list[tuple[str | None, ...]]:
    found = public_changes(bundle, parse_bundle(documents))
    return [(one["kind"], one["subject"], one["before"], one["after"]) for one in found]


def rank(documents: Documents, name: str) -> dict[str, Any]:
    return next(row for row in documents["ranks"]["ranks"] if row["name"] == name)


def test_the_public_document_says_how_points_are_earned(bundle: Bundle) -> None:
    document = public_document(bundle)
    assert (document["dailyCap"], document["weeklyCap"]) == (500, 2500)
    events = {event["type"]: event for event in document["events"]}
    assert events["ko"] == {
        "type": "ko",
        "weight": 0.25,
        "weightByLevel": {},
        "counter": "kos",
        "cooldownSeconds": 30,
        "shortestSeconds": None,
        "recommends": False,
    }
    assert events["recommendation"]["weight"] is None
    assert events["recommendation"]["weightByLevel"] == {"CCM": 20, "CMD": 10}


def test_nothing_changed_between_equal_policies(bundle: Bundle) -> None:
    assert public_changes(bundle, bundle) == []


def test_each_rule_that_differs_is_one_change(bundle: Bundle, documents: Documents) -> None:
    rank(documents, "Captain I").update(minPoints=2900.5, minTimeDays=17)
    rank(documents, "Captain II").update(requiredRecommendations=2, privileged=True)
    events = documents["points"]["events"]
    events["training"]["weight"] = 1000
    events["recommendation"]["weightByLevel"] = {"CMD": 12}
    del events["activity"]["shortest"]
    del documents["community"]["activity"]  # it needs that field
    documents["points"].update(dailyCap=600, ko_cooldown_seconds=45)
    assert changed(documents, bundle) == [
        ("rank.points", "Captain I", "3000", "2900.5"),
        ("rank.days", "Captain I", "18", "17"),
        ("rank.recommendations", "Captain II", "0", "2"),
        ("rank.privileged", "Captain II", "false", "true"),
        ("event.shortest", "activity", "300", None),
        ("event.cooldown", "ko", "30", "45"),
        ("event.weight", "recommendation", "CCM 20, CMD 10", "CMD 12"),
        ("event.weight", "training", "15", "1000"),
        ("cap.daily", "", "500", "600"),
    ]


def test_added_and_removed_rules_say_what_they_ask_or_give(
    bundle: Bundle, documents: Documents
) -> None:
    captain = rank(documents, "Captain II")
    documents["permissions"]["ranks"]["Skipper"] = documents["permissions"]["ranks"].pop(
        "Captain II"
    )
    captain["name"] = "Skipper"
    documents["points"]["events"]["picnic"] = {"weight": 0.5}
    del documents["points"]["events"]["wo"]
    assert changed(documents, bundle) == [
        ("rank.added", "Skipper", None, "3200"),
        ("rank.removed", "Captain II", "3200", None),
        ("event.added", "picnic", None, "0.5"),
        ("event.removed", "wo", "-0.1", None),
    ]


def test_multipliers_and_community_rules_are_told(bundle: Bundle, documents: Documents) -> None:
    weekend: dict[str, Any] = {
        "name": "Weekend",
        "from": "2026-12-05T00:00:00Z",
        "to": "2026-12-07T00:00:00Z",
        "factor": 1.5,
    }
    quota = {"name": "Week", "levels": ["CMD"], "period": "week", "minutes": 60}
    documents["points"]["multipliers"] = [weekend]
    documents["community"] |= {
        "quotas": [quota],
        "leave": {"maxDays": 30, "approvers": ["CCM"], "timeInRank": "rests"},
        "joinRequests": {"decide": "rule", "minAccountAgeDays": 14},
    }
    kind = {"title": "Rally", "award": "training", "hosts": ["CMD"], "minMinutes": 15}
    documents["community"]["hostedEvents"] = {"kinds": {"rally": kind}}
    with_rules = parse_bundle(documents)
    documents["community"]["hostedEvents"] = {
        "kinds": {"rally": kind | {"minMinutes": 20}, "drill": kind}
    }
    weekend |= {"factor": 2, "events": ["wo", "ko"], "to": "2026-12-08T00:00:00Z"}
    quota |= {"attended": 1, "minutes": 45, "misses": [{"after": 1, "outcome": "warn"}]}
    documents["community"]["leave"] |= {"maxDays": 45, "approvers": ["LDR"], "remindDays": 2}
    del documents["community"]["joinRequests"]
    assert changed(documents, with_rules) == [
        ("multiplier.factor", "Weekend", "1.5", "2"),
        ("multiplier.to", "Weekend", "2026-12-07T00:00:00Z", "2026-12-08T00:00:00Z"),
        ("multiplier.events", "Weekend", None, "ko, wo"),
        ("quota.minutes", "Week", "60", "45"),
        ("quota.attended", "Week", "0", "1"),
        ("hosted_event.added", "drill", None, "training"),
        ("hosted_event.minutes", "rally", "15", "20"),
        ("leave.days", "", "30", "45"),
        ("join.age", "", "14", None),
    ]
    del documents["points"]["multipliers"]
    documents["community"]["quotas"] = []
    assert changed(documents, with_rules)[:2] == [
        ("multiplier.removed", "Weekend", "1.5", None),
        ("quota.removed", "Week", "60", None),
    ]


def test_punishments_and_permissions_are_never_public(bundle: Bundle, documents: Documents) -> None:
    rank(documents, "Suspended").update(minTimeDays=3, name="Halted")
    permissions = documents["permissions"]["ranks"]
    permissions["Halted"] = permissions.pop("Suspended")
    permissions["Captain I"].update(canWarn=True, canBan=True)
    documents["punishments"].update(trial_days=30)
    assert changed(documents, bundle) == []
    assert "uspen" not in json.dumps(public_document(bundle))


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Shock Trooper II", "shock-trooper-ii"),
        ("  Räng — 3 ", "rang-3"),
        ("D&I", "d-i"),
        ("階級", "rank"),
    ],
)
def test_a_slug_is_made_of_plain_words(name: str, slug: str) -> None:
    assert slug_of(name) == slug


@given(st.lists(st.text(max_size=80), max_size=12))
def test_slugs_are_different_and_fit_into_an_address(names: list[str]) -> None:
    taken: set[str] = set()
    for name in names:
        slug = free_slug(name, taken)
        assert slug not in taken
        assert slug.isascii()
        assert all(word.isalnum() for word in slug.split("-"))
        assert slug == slug.lower()
        taken.add(slug)


def test_the_second_rank_of_a_slug_gets_a_number() -> None:
    assert free_slug("Captain!", {"captain"}) == "captain-2"
    assert free_slug("Captain?", {"captain", "captain-2"}) == "captain-3"
