"""Quarantine of a key that sends impossible data: stored, and counted if two owners agree."""

import datetime as dt
import json
import uuid
from html import unescape
from typing import Any

import msgspec
import pytest
from django.test import Client
from django.utils import timezone

from audits.models import AuditEvent
from players import leaderboard, quarantine_release
from players.active_policy import activate, active
from players.models import (
    Approval,
    Decision,
    ExperiencePoints,
    GameCommand,
    KeyCount,
    LedgerEntry,
    Note,
    Player,
    Quarantine,
    Rank,
    Recommendation,
)
from players.points import consistency, reconciliation
from players.points.event_parser import parse
from players.points.ingestion import ingest
from players.points.reconciliation import StoreRead
from players.points.stored_entries import StoredEntry, StoredSession
from players.policy.bundle import parse_bundle
from roblox import keys
from roblox.models import Experience
from tests.conftest import TESTER
from tests.console.people import client_with_role
from tests.console.quarantines.conftest import AGREED, Decide
from tests.players.conftest import Game

LIE = {"type": "training", "awarded": 500, "total": 500}  # training is worth 15


def lies(game: Game, first: int = 1000, count: int = 101, **changes: Any) -> list[dict[str, Any]]:
    """Build more violations of the rules than the guard allows, by as many players."""
    return [game.event(user_id, 1, **(LIE | changes)) for user_id in range(first, first + count)]


def shown(user_id: int = 1) -> Any:
    return Client().get(f"/players/{user_id}?_={uuid.uuid4()}").json().get("points")


def history(user_id: int = 1) -> list[float]:
    entries = Client().get(f"/players/{user_id}/history?_={uuid.uuid4()}").json()["entries"]
    return [entry["awarded"] for entry in entries]


def allow(settings: Any, **most: int) -> None:
    """Raise the guard's limits per hour, so that no test depends on the end of a minute."""
    guard = settings.INTEGRATIONS.key_guard
    guard = msgspec.structs.replace(guard, hour=msgspec.structs.replace(guard.hour, **most))
    settings.INTEGRATIONS = msgspec.structs.replace(settings.INTEGRATIONS, key_guard=guard)


def seen(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def test_a_million_kos_of_one_event_enter_no_record(thief: Game) -> None:
    thief.send(thief.event(1, 1, type="ko", magnitude=1_000_000, awarded=0, total=0))
    assert Quarantine.objects.get().cause["what"] == "points"
    assert Player.objects.get(user_id=1).kos == 0


def test_sums_too_large_are_refused_for_their_player_alone(thief: Game) -> None:
    thief.send(*lies(thief))
    ExperiencePoints.objects.filter(player__user_id=1000).update(total="999999999999")
    more = LIE | {"total": 1000}
    receipt = thief.send(*(thief.event(user_id, 2, **more) for user_id in (1000, 1001)))
    assert receipt["accepted"] == 1
    assert [(item["index"], item["code"]) for item in receipt["rejected"]] == [(0, "INVALID")]


def test_too_many_breaches_are_kept_but_count_nowhere(
    thief: Game,
) -> None:
    receipt = thief.send(*lies(thief))
    assert (receipt["accepted"], receipt["rejected"]) == (101, [])
    assert {one["confirmed"]["sequence"] for one in receipt["players"]} == {1}
    assert {one["points"] for one in receipt["players"]} == {0}
    found = Quarantine.objects.get()
    assert (found.status, found.rows, found.cause["what"]) == ("open", 101, "breaches")
    assert AuditEvent.objects.filter(action="key.quarantined", experience="nexus").count() == 1
    assert shown(1000) == 0
    assert history(1000) == []
    assert consistency.verify() == []


def test_totals_explained_only_by_missing_rows_are_breaches(thief: Game) -> None:
    thief.send(thief.event(1, 2, awarded=0, total=10**4))
    assert AuditEvent.objects.filter(action="points.mismatch").count() == 1
    thief.send(thief.event(2, 2, awarded=0, total=10**5))
    assert Quarantine.objects.get().cause["what"] == "points"
    assert shown(2) == 0


@pytest.mark.parametrize(
    "lie", [{"awarded": 60_000, "total": 60_000}, {"awarded": 15, "total": 60_000}]
)
def test_no_key_lifts_one_player_above_the_ladder_by_one_lie(
    thief: Game, lie: dict[str, Any]
) -> None:
    thief.send(thief.event(1, 1, **lie))
    assert Quarantine.objects.get().cause["what"] == "points"
    assert shown(1) == 0


def test_days_of_long_ago_have_no_caps_that_lift_a_player(thief: Game) -> None:
    """Each day and week is within its caps, so no rule is broken."""
    now = timezone.now()
    days = [(now - dt.timedelta(days=10 + day)).isoformat() for day in range(200)]
    rows = [
        thief.event(1, day + 1, magnitude=20, awarded=300, total=300 * (day + 1), occurredAt=moment)
        for day, moment in enumerate(reversed(days))
    ]
    thief.send(*rows)
    assert not AuditEvent.objects.filter(action="points.mismatch").exists()
    assert (Quarantine.objects.get().cause["what"], shown(1)) == ("points", 0)


def test_many_sessions_hide_no_more_than_one(thief: Game) -> None:
    """Each session lacks a row that could be worth a week's points."""
    thief.send(*[thief.event(1, 2, session=one, awarded=0, total=2500) for one in range(1, 22)])
    assert not AuditEvent.objects.filter(action="points.mismatch").exists()
    assert (Quarantine.objects.get().cause["what"], shown(1)) == ("points", 0)


def test_a_batch_that_comes_before_an_earlier_one_is_no_cause(game: Game) -> None:
    game.send(*[game.event(user_id, 3, total=45) for user_id in range(1, 501)])
    assert not Quarantine.objects.exists()
    assert KeyCount.objects.filter(points__gt=0).count() == 0


def test_amounts_that_no_column_holds_fail_no_batch(thief: Game) -> None:
    """Twenty sessions of one player would sum up to more than a trillion points."""
    told = thief.send(
        *[thief.event(1, 1, session=one, awarded=9e10, total=9e10) for one in range(1, 21)]
    )
    assert {one["code"] for one in told["rejected"]} == {"INVALID"}
    for sign in (1, -1):
        for batch in range(3):
            rows = range(1000 * batch, 1000 * batch + 500)
            thief.send(
                *[
                    thief.event(2 + sign, 1, session=one, awarded=sign * 1e8, total=sign * 1e8)
                    for one in rows
                ]
            )
    Quarantine.objects.update(awarded=-(10**11))
    told = thief.send(thief.event(9, 1, awarded=-1e8, total=-1e8), thief.event(8, 1))
    assert (told["accepted"], shown(8)) == (2, 0)


def test_a_change_of_policy_lets_no_key_lift_a_player(thief: Game) -> None:
    document = json.loads(json.dumps(active().bundle.documents))
    document["points"]["dailyCap"] += 1
    activate(parse_bundle(document), actor=TESTER, reason="a test")
    thief.send(*lies(thief))
    assert not Quarantine.objects.exists()
    thief.send(thief.event(1, 1, awarded=60_000, total=60_000))
    assert shown(1) == 0
    assert Quarantine.objects.get().cause["what"] == "points"


def test_a_replay_of_what_is_in_quarantine_is_a_duplicate(thief: Game) -> None:
    batch = lies(thief)
    thief.send(*batch)
    again = thief.send(*batch)
    assert (again["accepted"], again["duplicates"], again["notices"]) == (0, 101, [])
    assert {one["confirmed"]["sequence"] for one in again["players"]} == {1}
    assert LedgerEntry.objects.count() == 101


def test_other_keys_of_the_experience_continue(game: Game, thief: Game) -> None:
    thief.send(*lies(thief))
    receipt = game.send(game.event(1, 1))
    assert receipt["players"][0]["points"] == shown(1) == 15
    other = Game(keys.create(Experience.objects.get(key="training_site"), actor=TESTER)[1])
    assert other.send(other.event(1, 1))["players"][0]["points"] == 30
    # Everything that the key sends from now on is quarantined, valid data included.
    assert thief.send(thief.event(2, 1))["players"][0]["points"] == 0


def test_two_owners_release_it_and_everything_counts(thief: Game, decide: Decide) -> None:
    thief.send(thief.event(1, 1), thief.event(1, 2))
    thief.send(*lies(thief))
    receipt = thief.send(thief.event(1, 3), thief.event(1, 4, type="ko", awarded=0.25, total=45.25))
    assert receipt["players"][0]["confirmed"]["sequence"] == 4
    assert shown(1) == 30
    Player.objects.filter(user_id=1000).update(rank_since=timezone.now() - dt.timedelta(days=9))
    assert decide("release").status == "released"
    assert (shown(1), shown(1000)) == (45.25, 500)
    assert sorted(history(1)) == [0.25, 15, 15, 15]
    assert Player.objects.get(user_id=1).kos == 1
    assert Decision.objects.filter(player__user_id=1000).exists()
    assert thief.send(thief.event(1, 5, total=60.25))["players"][0]["points"] == 60.25
    assert consistency.verify() == []
    leaderboard.fold()
    assert leaderboard.verify() == 0


def test_discarded_rows_never_count(thief: Game, decide: Decide) -> None:
    thief.send(thief.event(1, 1), thief.event(1, 2))
    thief.send(*lies(thief))
    thief.send(thief.event(1, 3, awarded=15, total=1000))
    found = decide("discard")
    assert found.status == "discarded"
    assert thief.send(thief.event(1, 5, awarded=15, total=1030))["players"][0]["points"] == 45
    assert thief.send(thief.event(1, 4, awarded=15, total=1015))["players"][0]["points"] == 60
    assert shown(1000) == 0
    assert consistency.verify() == []


def test_a_discard_is_taken_back_as_one_act(thief: Game, decide: Decide) -> None:
    thief.send(*lies(thief))
    thief.send(thief.event(1, 1))
    discarded = decide("discard")
    thief.send(thief.event(1, 2))
    assert shown(1) == 15
    assert decide("release").status == "released"
    assert (shown(1), shown(1000)) == (30, 500)
    undone = AuditEvent.objects.get(action="quarantine.released")
    assert undone.reverts == discarded.discarded
    assert consistency.verify() == []


def test_one_owner_alone_decides_nothing(thief: Game, owner: Client, deputy: Client) -> None:
    thief.send(*lies(thief))
    page = f"/admin/quarantines/{Quarantine.objects.get().pk}/"
    owner.post(f"{page}release/", {"reason": "looked at it"})
    asked = Approval.objects.get()
    owner.post(f"/admin/approvals/{asked.pk}/", AGREED)
    assert "asked already" in unescape(
        deputy.post(f"{page}discard/", {"reason": "no"}).content.decode()
    )
    someone = Player.objects.get(user_id=1000)
    assert client_with_role(someone, "integrator").get(page).status_code in (302, 403)
    assert quarantine_release.run_due() == 0
    assert (Approval.objects.get().status, Quarantine.objects.get().status) == ("waiting", "open")
    deputy.post(f"/admin/approvals/{asked.pk}/", AGREED | {"verb": "reject"})
    assert (Approval.objects.get().status, Quarantine.objects.get().status) == ("rejected", "open")


def test_owners_find_it_in_the_queue_and_see_what_was_delivered(thief: Game, owner: Client) -> None:
    thief.send(thief.event(1, 1, username="Nia"))
    thief.send(*lies(thief))
    thief.send(thief.event(1, 2, username="Nia"))
    assert "What a key of nexus brings is kept and does not count" in seen(
        owner, "/admin/?kind=quarantine"
    )
    found = Quarantine.objects.get()
    page = seen(owner, f"/admin/quarantines/{found.pk}/")
    for told in (
        "Nia",
        "102",
        "50515.00",
        "Release",
        "Discard",
        "101 breaches of the laws of points",
    ):
        assert told in page
    assert str(found.key) in seen(owner, "/admin/quarantines/")


def test_rows_in_a_session_a_thief_wrote_into_count_by_awards(
    game: Game, thief: Game, decide: Decide
) -> None:
    game.send(game.event(1, 1), game.event(1, 2))
    thief.send(*lies(thief))
    thief.send(
        thief.event(1, 3, total=-9000, awarded=-0.1, type="wo"),
        thief.event(1, 10**6, total=10**9, awarded=0),
    )
    assert game.send(game.event(1, 3), game.event(1, 4))["players"][0]["points"] == 60
    decide("discard")
    assert game.send(game.event(1, 5))["players"][0]["points"] == 75
    assert consistency.verify() == []


def test_the_data_store_brings_nothing_that_is_in_quarantine(thief: Game, decide: Decide) -> None:
    thief.send(thief.event(1, 1))
    thief.send(*lies(thief))
    thief.send(thief.event(1, 2), thief.event(1, 3))
    old = timezone.now() - dt.timedelta(days=1)
    stored = [
        StoredEntry(
            1,
            "player_1",
            "",
            {1: StoredSession(3, 45_00, 0, 0, old), 2: StoredSession(1, 15_00, 0, 0, old)},
            -1,
            None,
        )
    ]

    def reconcile(entries: list[StoredEntry]) -> int:
        now, patience = timezone.now(), dt.timedelta(0)
        return len(
            reconciliation.reconcile("nexus", entries, StoreRead(TESTER, now, patience)).changes
        )

    assert reconcile(stored) == 0  # the servers that write it are suspect
    decide("discard")
    assert reconcile(stored) == 1  # the other session
    assert shown(1) == 30
    folded = [StoredEntry(1, "player_1", "", {}, 2, StoredSession(0, 60_00))]
    assert reconcile(folded) == 0
    assert shown(1) == 30
    assert consistency.verify() == []


def test_renames_and_new_players_trip_it_too(thief: Game, settings: Any, decide: Decide) -> None:
    allow(settings, renames=3, new_players=5)
    thief.send(*[thief.event(user_id, 1) for user_id in range(1, 6)])
    thief.send(*[thief.event(user_id, 2, username="Stolen") for user_id in range(1, 4)])
    assert not Quarantine.objects.exists()
    thief.send(thief.event(4, 2, username="Stolen"), thief.event(5, 2, username="Stolen"))
    assert Quarantine.objects.get().cause["what"] == "renames"
    assert Player.objects.get(user_id=4).username == "player_4"
    decide("discard")


def test_too_many_commands_are_held_and_done_once_released(
    game: Game, thief: Game, settings: Any, decide: Decide
) -> None:
    allow(settings, acts=4)
    game.send(game.event(1), game.event(2))
    Player.objects.filter(user_id=1).update(rank=Rank.objects.get(name="Tempest Major"))

    def order(number: int) -> dict[str, Any]:
        body = {
            "id": f"c{number}",
            "actorUserId": 1,
            "userId": 2,
            "kind": "note",
            "reason": "a note",
        }
        body |= {"occurredAt": timezone.now().isoformat()}
        answer = thief.client.post(
            "/roblox/sanctions", json.dumps(body), content_type="application/json"
        )
        assert answer.status_code == 200, answer.content
        found: dict[str, Any] = answer.json()
        return found

    assert [order(number)["status"] for number in range(5)] == ["applied"] * 4 + ["held"]
    assert (Quarantine.objects.get().acts, Quarantine.objects.get().cause["what"]) == (1, "acts")
    assert order(4)["status"] == "held"  # a repeat is not a second command
    assert order(5)["status"] == "held"
    assert Quarantine.objects.get().acts == 2
    assert Note.objects.count() == 4
    Player.objects.filter(user_id=1).update(rank=Rank.objects.get(name="Initiate"))
    decide("release")
    assert not GameCommand.objects.filter(asked__isnull=False).exists()
    assert order(5)["status"] == "refused"  # checked when it is carried out
    assert Note.objects.count() == 4


def test_queued_events_of_a_quarantined_key_are_kept(thief: Game, decide: Decide) -> None:
    thief.send(*lies(thief))
    body = {"server": {"placeId": 1, "jobId": "job"}, "events": [thief.event(1, 1)]}
    ingest("nexus", parse(json.dumps(body).encode(), timezone.now()), now=timezone.now())
    assert shown(1) == 0
    decide("release")
    assert shown(1) == 15


def test_recommendations_wait_with_the_rest(game: Game, thief: Game, decide: Decide) -> None:
    game.send(game.event(1), game.event(9))
    Player.objects.filter(user_id=9).update(rank=Rank.objects.get(name="Stormmarshal"))
    thief.send(*lies(thief))
    thief.send(
        thief.event(1, 1, session=2, type="recommendation", awarded=20, total=20, actorUserId=9)
    )
    assert not Recommendation.objects.exists()
    decide("release")
    assert Recommendation.objects.get().officer.user_id == 9
    assert shown(1) == 35
