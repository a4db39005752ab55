"""The ranks and the public part of the policy, as everybody may read them."""

import copy
import json
from typing import Any

import pytest
from django.test import Client

from audits.record import Actor
from players.active_policy import activate, active
from players.models import Player, PolicyActivation, PolicyVersion, Rank, RankCount
from players.policy.bundle import parse_bundle

pytestmark = pytest.mark.usefixtures("bootstrapped")
OPERATOR = Actor("system", "test", "test")
Documents = dict[str, Any]


def documents() -> Documents:
    return copy.deepcopy(PolicyVersion.objects.get(is_active=True).documents)


def put_in_force(found: Documents) -> None:
    activate(parse_bundle(found), actor=OPERATOR, reason="As voted")


def read(client: Client, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_rank_says_what_it_asks_for_and_who_holds_it(client: Client) -> None:
    RankCount.objects.update_or_create(
        rank=Rank.objects.get(slug="captain-i"), defaults={"players": 17}
    )
    found = read(client, "/ranks?n=1")
    assert found["policyVersion"] == active().bundle.version
    assert found["asOf"].endswith("Z")
    captain = next(rank for rank in found["ranks"] if rank["slug"] == "captain-i")
    assert captain == {
        "name": "Captain I",
        "slug": "captain-i",
        "level": "MR",
        "position": 12,
        "role": 14,
        "minPoints": 3000,
        "minTimeDays": 18,
        "requiredRecommendations": 0,
        "privileged": False,
        "onLadder": True,
        "retired": False,
        "description": "You command a company and know its people by name.",
        "colour": "#2e8b57",
        "players": 17,
    }
    envoy = next(rank for rank in found["ranks"] if rank["slug"] == "envoy")
    assert not envoy["onLadder"]


def test_punishments_are_no_public_ranks(client: Client) -> None:
    assert b"uspended" not in client.get("/ranks?n=2").content


def test_ranks_of_former_policies_stay_readable(client: Client) -> None:
    found = documents()
    found["ranks"]["ranks"] = [
        row for row in found["ranks"]["ranks"] if row["name"] != "Ambassador"
    ]
    del found["permissions"]["ranks"]["Ambassador"]
    put_in_force(found)
    ranks = read(client, "/ranks?n=3")["ranks"]
    assert [(rank["slug"], rank["retired"]) for rank in ranks[-2:]] == [
        ("imperator", False),
        ("ambassador", True),
    ]


def test_the_policy_says_how_points_are_earned(client: Client) -> None:
    found = read(client, "/policy?n=1")
    assert (found["number"], found["dailyCap"], found["weeklyCap"]) == (1, 500, 2500)
    assert found["version"] == active().bundle.version
    events = {event["type"]: event for event in found["events"]}
    assert events["activity"] == {
        "type": "activity",
        "weight": 1,
        "weightByLevel": {},
        "counter": None,
        "cooldownSeconds": None,
        "shortestSeconds": 300,
        "recommends": False,
    }
    assert events["recommendation"]["weightByLevel"] == {"CCM": 20, "CMD": 10}


def test_the_changes_are_listed_newest_first_in_pages(client: Client) -> None:
    first = documents()
    for weight in (20, 30.5):
        changed = documents()
        changed["points"]["events"]["training"]["weight"] = weight
        put_in_force(changed)
    put_in_force(first)
    page = read(client, "/policy/changes?limit=2")
    assert [one["number"] for one in page["changes"]] == [1, 3]
    assert page["changes"][1]["changes"] == [
        {"kind": "event.weight", "subject": "training", "before": "20", "after": "30.5"}
    ]
    rest = read(client, f"/policy/changes?limit=2&after={page['next']}")
    assert [one["number"] for one in rest["changes"]] == [2, 1]
    assert rest["next"] is None
    assert rest["changes"][1]["changes"] == []
    assert read(client, "/policy?n=2")["number"] == 1


def test_nothing_disciplinary_is_in_the_policy(client: Client) -> None:
    changed = documents()
    changed["punishments"]["trial_days"] = 21
    changed["permissions"]["ranks"]["Captain I"]["canWarn"] = True
    put_in_force(changed)
    text = json.dumps([read(client, "/policy?n=3"), read(client, "/policy/changes?n=3")]).lower()
    for word in ("warn", "suspend", "ban", "trial", "punish", "sanction", "adjust"):
        assert word not in text


@pytest.mark.parametrize("after", ["x", "-1", "1" * 19, ""])
def test_a_forged_cursor_is_refused(client: Client, after: str) -> None:
    assert client.get(f"/policy/changes?after={after}").status_code == 400


def test_without_a_policy_there_is_nothing_to_read(client: Client) -> None:
    PolicyActivation.objects.all().delete()
    answer = client.get("/policy?n=4")
    assert (answer.status_code, Player.objects.count()) == (503, 0)


def test_multipliers_are_public_and_older_documents_have_none(client: Client) -> None:
    assert read(client, "/policy?multipliers=1")["multipliers"] == []
    found = documents()
    weekend = {"name": "Weekend", "factor": 1.5, "events": ["training"]}
    weekend |= {"from": "2030-01-05T00:00:00Z", "to": "2030-01-07T00:00:00Z"}
    found["points"]["multipliers"] = [weekend]
    put_in_force(found)
    assert read(client, "/policy?multipliers=2")["multipliers"] == [
        {
            "name": "Weekend",
            "startsAt": "2030-01-05T00:00:00Z",
            "endsAt": "2030-01-07T00:00:00Z",
            "factor": 1.5,
            "events": ["training"],
            "experiences": None,
        }
    ]
    last = PolicyActivation.objects.latest("pk")
    last.document.pop("multipliers")
    PolicyActivation.objects.filter(pk=last.pk).update(document=last.document)
    assert read(client, "/policy?multipliers=3")["multipliers"] == []
