"""Moderators' commands in a game, and the lines of its log, over HTTP."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from audits.models import AuditEvent, AuditPersonal
from players.discipline import sanctions
from players.models import Approval, Decision, GameCommand, Note, Recommendation, Sanction
from players.moderation import approvals, daily_limit, velocity_limit
from players.moderation.actors import Staff
from players.moderation.command import Command
from players.privacy.erasure import erase
from players.tasks import end_sanctions
from roblox import write_hold
from roblox.models import Experience
from tests.players.discipline.conftest import (
    ADMIRAL,
    COMMAND,
    MAJOR,
    MARSHAL,
    OPERATOR,
    order,
    player,
)

Officers = Callable[[int], Staff]


@pytest.fixture
def game(api_key: str) -> Client:
    return Client(headers={"x-grps-api-key": api_key})


def post(game: Client, path: str, body: dict[str, Any]) -> Any:
    return game.post(path, json.dumps(body), content_type="application/json")


def command(game: Client, kind: str, by: int = ADMIRAL, **changes: Any) -> dict[str, Any]:
    body = {
        "id": f"{kind}-1",
        "actorUserId": by,
        "userId": 1,
        "kind": kind,
        "reason": "seen in game",
    }
    answer = post(
        game, "/roblox/sanctions", body | {"occurredAt": timezone.now().isoformat()} | changes
    )
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_a_warning_from_a_game_is_one_of_the_experience(people: Officers, game: Client) -> None:
    answer = command(game, "warn", MAJOR)
    sanction = Sanction.objects.get()
    assert (answer["status"], answer["sanction"], sanction.source) == (
        "applied",
        sanction.pk,
        "game",
    )
    event = AuditEvent.objects.get(action="player.warned")
    assert (event.experience, event.actor_id) == ("nexus", people(MAJOR).actor.id)


def test_points_are_adjusted_exactly_and_past_the_limit_held(
    people: Officers, game: Client
) -> None:
    assert command(game, "adjust", amount=12.29)["status"] == "applied"
    assert str(player().adjusted) == "12.29"
    assert command(game, "adjust", amount=600, id="much")["status"] == "held"
    assert "two decimals" in command(game, "adjust", amount=0.001, id="fine")["detail"]
    assert "how many points" in command(game, "adjust", id="none")["detail"]
    assert "only for adjust" in command(game, "warn", amount=3)["detail"]
    assert command(game, "adjust", MAJOR, amount=1, id="major")["status"] == "refused"
    assert str(player().adjusted) == "12.29"


def test_an_event_given_counts_toward_the_daily_limit(people: Officers, game: Client) -> None:
    assert command(game, "award", event="training") == {
        "id": "award-1",
        "status": "applied",
        "detail": "player_1 is given training.",
        "sanction": None,
    }
    told = AuditEvent.objects.get(action="event.given")
    assert (told.actor_id, told.experience) == (people(ADMIRAL).actor.id, "nexus")
    assert AuditPersonal.objects.get(event=told, field="reason").value == "seen in game"
    assert told.details == {"event": "training", "amount": "15.00"}
    limit = people(ADMIRAL).rank.adjust_limit
    assert command(game, "adjust", amount=limit / 100 - 29, id="most")["status"] == "applied"
    assert daily_limit.taken(people(ADMIRAL), timezone.now()).spent == limit - 1400
    past = command(game, "award", event="training", id="past")
    assert (past["status"], "Past your limit" in past["detail"]) == ("refused", True)
    assert command(game, "adjust", amount=14.01, id="more")["status"] == "held"
    assert daily_limit.taken(people(ADMIRAL), timezone.now() + dt.timedelta(days=1)).spent == 0


def test_only_who_may_adjust_gives_events_of_the_policy(people: Officers, game: Client) -> None:
    assert "You may not" in command(game, "award", MAJOR, event="training")["detail"]
    assert AuditEvent.objects.filter(action="act.refused").count() == 1
    for event in ("picnic", "recommendation", ""):
        assert (
            "event: say one of the policy's"
            in command(game, "award", event=event, id=f"of-{event}")["detail"]
        )
    assert "only for award" in command(game, "warn", event="training")["detail"]
    assert (
        "nobody acts on themselves"
        in command(game, "award", event="training", userId=ADMIRAL, id="own")["detail"]
    )
    assert not AuditEvent.objects.filter(action="event.given").exists()


def test_a_newcomer_without_points_can_be_given_an_event(people: Officers, game: Client) -> None:
    answer = command(game, "award", event="training", userId=987_654)
    assert (answer["status"], answer["detail"]) == ("applied", "A newcomer is given training.")
    assert AuditEvent.objects.get(action="event.given").target_id == ""
    assert (
        "You may not"
        in command(game, "award", MAJOR, event="training", userId=987_654, id="major")["detail"]
    )


def test_whoever_acts_too_often_gives_no_events_either(
    people: Officers, game: Client, settings: Any
) -> None:
    velocity_limit.record_acts(
        people(ADMIRAL), timezone.now(), settings.INTEGRATIONS.moderation.guard.acts
    )
    assert "too often" in command(game, "award", event="training")["detail"]


def test_a_rank_is_proposed_for_somebody_else_to_decide(people: Officers, game: Client) -> None:
    assert command(game, "propose", rank="Captain II")["status"] == "applied"
    decision = Decision.objects.get()
    assert (decision.status, decision.to_rank.name) == ("proposed", "Captain II")
    assert command(game, "propose", rank="Emperor", id="unknown")["status"] == "refused"
    assert "which rank" in command(game, "propose", id="none")["detail"]


def test_a_repeated_command_is_done_once(people: Officers, game: Client) -> None:
    assert command(game, "warn") == command(game, "warn")
    assert Sanction.objects.count() == 1
    assert command(game, "warn", id="another")["status"] == "applied"
    assert Sanction.objects.count() == 2


def test_every_kind_does_what_it_says(people: Officers, game: Client) -> None:
    command(game, "warn")
    assert command(game, "pardon")["status"] == "applied"
    assert Sanction.objects.get(kind="warning").lifted_at is not None
    until = timezone.now() + dt.timedelta(days=3)
    command(game, "suspend", until=until.isoformat())
    assert Sanction.objects.get(kind="suspension").ends_at == until
    assert command(game, "lift")["status"] == "applied"
    assert player().rank.name == "Captain I"
    command(game, "note")
    assert Note.objects.get().text == "seen in game"
    assert command(game, "recommend", MARSHAL)["status"] == "applied"
    assert Recommendation.objects.count() == 1
    joined = game.get("/roblox/players/1").json()
    assert (joined["recommendations"], joined["recommendedBy"]) == (1, [MARSHAL])


def test_a_ban_from_a_game_waits_for_a_second_person(people: Officers, game: Client) -> None:
    answer = command(game, "ban")
    assert (answer["status"], answer["sanction"], player().banned) == ("held", None, False)
    approvals.approve(Approval.objects.get().pk, **order(people(COMMAND)))
    assert player().banned
    assert Sanction.objects.get().source == "game"
    assert command(game, "unban", COMMAND)["status"] == "held"


@pytest.mark.parametrize(
    ("kind", "changes", "words"),
    [
        ("warn", {"actorUserId": 1, "userId": MAJOR}, "does not entitle"),
        ("warn", {"actorUserId": 404}, "No player has the user id 404"),
        ("warn", {"userId": 404}, "No player has the user id 404"),
        ("warn", {"userId": ADMIRAL}, "nobody acts on themselves"),
        ("warn", {"userId": COMMAND}, "at or above"),
        ("pardon", {}, "no active warning"),
        ("pardon", {"userId": 404}, "No player has"),
        ("lift", {}, "not suspended"),
        ("warn", {"until": "2090-01-01T00:00:00Z"}, "until: only for suspend and ban"),
        ("warn", {"occurredAt": "2020-01-01T00:00:00Z"}, "occurredAt: it is more than a day ago"),
        ("warn", {"occurredAt": "2090-01-01T00:00:00Z"}, "occurredAt: it lies in the future"),
        ("suspend", {"until": "2020-01-01T00:00:00Z"}, "until: that moment has passed"),
    ],
)
def test_a_refusal_is_an_answer_that_says_why(
    people: Officers, game: Client, kind: str, changes: dict[str, Any], words: str
) -> None:
    answer = command(game, kind, **changes)
    assert answer["status"] == "refused"
    assert words in answer["detail"]
    assert not Sanction.objects.exists()


def test_an_officer_who_may_not_is_told_of(people: Officers, game: Client) -> None:
    command(game, "ban", MAJOR)
    assert AuditEvent.objects.get(action="act.refused").actor_id == people(MAJOR).actor.id


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "erase"},
        {"id": "a b"},
        {"reason": ""},
        {"occurredAt": "2026-01-01T00:00:00"},
        {"x": 1},
    ],
)
def test_what_does_not_fit_the_shape_is_a_400(
    people: Officers, game: Client, changes: dict[str, Any]
) -> None:
    body = {"id": "1", "actorUserId": ADMIRAL, "userId": 1, "kind": "warn", "reason": "x"}
    answer = post(
        game, "/roblox/sanctions", body | {"occurredAt": timezone.now().isoformat()} | changes
    )
    assert answer.status_code == 400


def test_old_commands_are_forgotten(people: Officers, game: Client) -> None:
    command(game, "warn")
    command(game, "note", userId=MAJOR)
    erase(1, **order(OPERATOR))
    assert not GameCommand.objects.filter(answer__userId=1).exists()
    assert GameCommand.objects.filter(answer__userId=MAJOR).count() == 1
    assert "player_1" not in str(list(GameCommand.objects.values_list("answer", flat=True)))
    GameCommand.objects.update(created_at=timezone.now() - dt.timedelta(days=8))
    end_sanctions()
    assert not GameCommand.objects.exists()


def lines(*ids: str, **changes: Any) -> dict[str, Any]:
    line = {
        "at": timezone.now().isoformat(),
        "kind": "teleport",
        "text": "player_1 went up",
        "userId": 1,
    } | changes
    return {"lines": [line | {"id": one} for one in ids]}


def test_lines_of_a_games_log_are_mirrored_once_as_one_event(
    people: Officers, game: Client
) -> None:
    assert post(game, "/roblox/audits", lines("a", "b")).json() == {"accepted": 2, "duplicates": 0}
    assert post(game, "/roblox/audits", lines("b", "c", "c")).json() == {
        "accepted": 1,
        "duplicates": 2,
    }
    assert post(game, "/roblox/audits", lines("a")).json() == {"accepted": 0, "duplicates": 1}
    first, second = AuditEvent.objects.filter(action="game.reported").order_by("id")
    assert (first.details["lines"], second.details["lines"], first.experience) == (2, 1, "nexus")
    assert "player_1" not in str(first.details)


def test_what_a_line_says_goes_with_the_person(people: Officers, game: Client) -> None:
    post(game, "/roblox/audits", lines("a"))
    assert AuditPersonal.objects.get(field="line.0").value == "player_1 went up"
    erase(1, **order(OPERATOR))
    assert not AuditPersonal.objects.filter(field="line.0").exists()


@pytest.mark.parametrize(
    "body", [{"lines": []}, lines(*map(str, range(101))), lines("a", text="a\0b")]
)
def test_lines_that_do_not_fit_are_a_400(
    people: Officers, game: Client, body: dict[str, Any]
) -> None:
    assert post(game, "/roblox/audits", body).status_code == 400


def test_nobody_without_a_key_is_heard(people: Officers) -> None:
    assert post(Client(), "/roblox/sanctions", {}).status_code == 401
    assert post(Client(), "/roblox/audits", lines("a")).status_code == 401


def test_a_game_is_told_how_many_warnings_are_in_force(people: Officers, game: Client) -> None:
    assert game.get("/roblox/players/1").json()["warnings"] == 0
    assert game.get("/roblox/players/987654").json()["warnings"] == 0
    for reason in ("Spammed", "Spammed again"):
        sanctions.warn(1, Command(by=OPERATOR, reason=reason, now=timezone.now()))
    assert game.get("/roblox/players/1").json()["warnings"] == 2
    sanctions.pardon(
        Sanction.objects.earliest("pk").pk,
        Command(by=OPERATOR, reason="Was somebody else", now=timezone.now()),
    )
    assert game.get("/roblox/players/1").json()["warnings"] == 1


@pytest.mark.parametrize(("days", "said"), [(3, "until 20"), (None, "for good")])
def test_the_answer_to_a_held_ban_says_its_end(
    people: Officers, game: Client, days: int | None, said: str
) -> None:
    until = {"until": (timezone.now() + dt.timedelta(days=days)).isoformat()} if days else {}
    answer = command(game, "ban", **until)
    assert (answer["status"], said in answer["detail"]) == ("held", True)


def test_a_ban_from_a_game_may_leave_alternative_accounts_out(
    people: Officers, game: Client
) -> None:
    assert command(game, "ban", altAccounts=False)["status"] == "held"
    waiting = Approval.objects.get(act="ban")
    assert "this account alone" in approvals.sentence(waiting)
    approvals.approve(waiting.pk, by=people(COMMAND), reason="clear", now=timezone.now())
    assert Sanction.objects.get(kind="ban").alt_accounts is False
    assert game.get("/roblox/players/1").json()["ban"]["altAccounts"] is False
    assert "only for ban" in command(game, "warn", MAJOR, altAccounts=True)["detail"]


@pytest.mark.parametrize(
    ("writes", "held", "universe"),
    [(True, False, 5001), (False, False, 5001), (True, True, 5001), (True, False, None)],
)
def test_a_game_learns_of_a_ban_and_if_grps_lifts_it(
    people: Officers, game: Client, settings: Any, writes: bool, held: bool, universe: int | None
) -> None:
    settings.ROBLOX_WRITES = writes
    if held:
        write_hold.place("The database was restored.")
    Experience.objects.update(universe_id=universe)
    until = timezone.now() + dt.timedelta(days=3)
    sanctions.ban(
        1,
        Command(by=OPERATOR, reason="Flew, see https://clips.example/1", now=timezone.now()),
        until=until,
    )
    told = game.get("/roblox/players/1").json()["ban"]
    case = Sanction.objects.get()
    assert dt.datetime.fromisoformat(told.pop("until")) == until
    assert told == {
        "case": case.code,
        "reason": f"Flew, see … (case {case.code})",
        "liftedByUs": writes and not held and universe is not None,
        "altAccounts": True,
    }
    sanctions.unban(1, Command(by=OPERATOR, reason="It was somebody else", now=timezone.now()))
    assert game.get("/roblox/players/1").json()["ban"] is None
