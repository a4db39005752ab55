"""What a server must bear: closing in the middle of everything, wrong arguments, senseless answers,
long outages.
"""

import json
from typing import Any

import pytest

from tests.luau.grps import Grps
from tests.luau.machine import LuauError
from tests.luau.universe import NIA, Answer, Http, Server, Universe

MAJOR, GENERAL, ZED = 1, 3, 157
KO, TRAINING = 25, 1500  # hundredths


@pytest.fixture
def grps() -> Grps:
    return Grps(standing={MAJOR: ("Tempest Major", None), GENERAL: ("Brigadier General", None)})


def events_only(grps: Grps, answer: Any) -> Http:
    """GRPS, with another word on events: answer(events), or None for its own."""

    def http(url: str, method: str, headers: dict[str, str], body: str) -> Answer | None:
        said = answer(json.loads(body)["events"]) if url.endswith("/roblox/events") else None
        return said or grps(url, method, headers, body)

    return http


def kinds(grps: Grps) -> set[str]:
    return {line["kind"] for line in grps.lines}


def sending(server: Server) -> bool:
    """Whether a call with events is under way."""
    chunk = server.machine.chunk("return (...).context.outbox.busy == true")
    return bool(server.machine.call(chunk, server.grps))


# Closing


def test_whoever_is_sent_away_while_the_server_closes_is_saved(universe: Universe) -> None:
    universe.latency["stores"] = 0.6
    server = universe.playing()
    server.award(NIA, "training")
    server.close(NIA)
    assert universe.total(NIA) == TRAINING
    assert "lease" not in universe.record(NIA)
    assert universe.stores["GRPS_Points_Index"] == {str(NIA): str(TRAINING)}


def test_a_save_that_is_under_way_when_the_server_closes_is_followed_by_the_last_one(
    universe: Universe,
) -> None:
    universe.latency["stores"] = 0.6
    server = universe.playing()
    while not server.session(NIA).get("saving"):
        universe.run(0.25)
    server.award(NIA, "training")
    server.close()
    assert universe.total(NIA) == TRAINING
    assert "lease" not in universe.record(NIA)


def test_a_lease_that_comes_while_the_server_closes_is_let_go(universe: Universe) -> None:
    universe.latency["stores"] = 0.6
    server = universe.playing(ZED)
    server.join(NIA)
    server.award(NIA, "training")
    server.close()
    assert "lease" not in universe.record(NIA)
    assert universe.total(NIA) == TRAINING


def test_events_of_the_last_moment_follow_those_that_are_under_way(
    universe: Universe, grps: Grps
) -> None:
    server = universe.playing()
    universe.latency["http"] = 2
    server.award(NIA, "training")
    while not sending(server):
        universe.run(0.25)
    server.award(NIA, "ko")
    server.do("grps.context.say('test.last', 'the last words')")
    server.close()
    assert grps.total(NIA) == TRAINING + KO
    assert "test.last" in kinds(grps)


def test_a_busy_ordered_store_holds_up_no_save_and_no_closing(universe: Universe) -> None:
    server = universe.playing()
    for _ in range(70):
        server.leave_over("OrderedWrite", 0)
        universe.run(1)
    server.award(NIA, "training")
    server.leave_over("OrderedWrite", 0)
    server.close()
    assert universe.total(NIA) == TRAINING
    assert "lease" not in universe.record(NIA)


def test_whoever_could_not_be_saved_when_they_left_is_saved_when_the_server_closes(
    universe: Universe,
) -> None:
    server = universe.playing()
    server.award(NIA, "training")
    universe.faults["UpdateAsync"] = (1.0, 0.0)
    server.leave(NIA)
    while server.session(NIA).get("saving"):
        universe.run(0.25)
    universe.faults.clear()
    server.close()
    assert universe.total(NIA) == TRAINING


def test_a_save_under_way_does_not_stand_for_the_last_one(universe: Universe) -> None:
    server = universe.playing()
    while not server.session(NIA).get("saving"):
        universe.run(0.25)
    server.award(NIA, "training")
    server.leave(NIA)
    universe.run(0.25)
    universe.faults["UpdateAsync"] = (1.0, 0.0)
    universe.run(200)
    assert server.session(NIA)["saved"] is False
    universe.faults.clear()
    universe.run(120)
    assert universe.total(NIA) == TRAINING
    assert "lease" not in universe.record(NIA)


def test_whoever_comes_back_before_they_could_be_saved_loses_nothing(
    universe: Universe, grps: Grps
) -> None:
    server = universe.playing()
    grps.away = True
    universe.run(200)
    server.award(NIA, "training")
    universe.faults["UpdateAsync"] = (1.0, 0.0)
    server.leave(NIA)
    universe.run(1)
    server.join(NIA)
    universe.run(200)
    universe.faults.clear()
    universe.run(200)
    assert server.session(NIA)["state"] == "ready"
    assert server.session(NIA)["known"] == TRAINING
    server.close()
    assert universe.total(NIA) == TRAINING


def test_what_is_said_while_a_server_closes_reaches_grps(universe: Universe, grps: Grps) -> None:
    universe.http = events_only(grps, lambda _: (200, {}, '{"players": [{}]}'))
    server = universe.playing()
    server.award(NIA, "training")
    universe.stores["GRPS_Points"][f"player:{NIA}"] = "7"
    server.close()
    assert {"store.broken", "stop.failed"} <= kinds(grps)


# Waiting for GRPS


def test_what_was_kept_counts_also_when_they_leave_before_grps_spoke(
    universe: Universe, grps: Grps
) -> None:
    server = universe.playing(ZED)
    universe.latency["http"] = 10
    server.join(NIA)
    assert server.award(NIA, "training") == (0, "WAITING")
    universe.run(3)
    assert server.session(NIA)["state"] == "waiting"
    server.leave(NIA)
    universe.run(3)
    assert universe.total(NIA) == TRAINING
    universe.run(30)
    assert grps.total(NIA) == TRAINING


def test_what_was_kept_counts_also_when_they_leave_before_the_lease_came(
    universe: Universe,
) -> None:
    server = universe.playing(ZED)
    universe.latency["stores"] = 0.6
    server.join(NIA)
    assert server.award(NIA, "training") == (0, "WAITING")
    universe.run(0.25)
    server.leave(NIA)
    universe.run(5)
    assert universe.total(NIA) == TRAINING
    assert "lease" not in universe.record(NIA)
    assert server.session(NIA) is None or server.session(NIA)["waiting"] == {}


@pytest.mark.parametrize(
    "answer",
    [
        "[]",
        '{"players": 3}',
        '{"players": [3, {"userId": "x"}]}',
        '{"players": [{"userId": 156, "sessions": 3}]}',
        '{"players": {"userId": 156}}',
        '{"players": [{"userId": 156, "sessions": [{"session": 1}], "elsewhere": "x"}]}',
        '{"players": [{"userId": 156, "sessions": [], "elsewhere": 0, "rankSince": "2025-01-01T00:00:00Z",'
        ' "adjusted": {"total": 0}}]}',
    ],
)
def test_a_player_of_whom_grps_says_nothing_sensible_can_play(
    universe: Universe, grps: Grps, answer: str
) -> None:
    universe.http = lambda url, *call: (
        (200, {}, answer) if "/roblox/joins" in url else grps(url, *call)
    )
    server = universe.playing()
    assert server.award(NIA, "training") == (TRAINING, "")
    server.close()
    assert universe.total(NIA) == TRAINING


def test_the_suspended_earn_nothing_while_grps_is_asked(universe: Universe, grps: Grps) -> None:
    grps.standing[NIA] = ("Suspended", "suspension")
    server = universe.server()
    universe.run(5)
    universe.latency["http"] = 5
    server.join(NIA)
    universe.run(2)
    assert server.award(NIA, "training") == (0, "WAITING")
    universe.run(10)
    assert server.award(NIA, "training") == (0, "NOT_EARNING")
    assert server.session(NIA)["total"] == 0


def test_while_grps_asks_for_quiet_its_own_data_store_speaks_for_it(
    universe: Universe, grps: Grps
) -> None:
    quiet = {"now": False}

    def http(url: str, method: str, headers: dict[str, str], body: str) -> Answer | None:
        return (
            (503, {"Retry-After": "200"}, "") if quiet["now"] else grps(url, method, headers, body)
        )

    universe.http = http
    standing = {"standing": {"rank": "Suspended", "sanction": "suspension"}}
    universe.stores["GRPS_State"] = {f"player:{NIA}": json.dumps(standing)}
    server = universe.playing(ZED)
    quiet["now"] = True
    server.award(ZED, "ko")
    universe.run(10)
    server.join(NIA)
    universe.run(3)
    assert server.award(NIA, "training") == (0, "NOT_EARNING")


# Wrong arguments


@pytest.mark.parametrize("wrong", [1.5, 0, -1, float("nan"), float("inf"), 2e6, "3"])
def test_a_magnitude_that_grps_would_refuse_is_an_error_and_breaks_no_record(
    universe: Universe, wrong: Any
) -> None:
    server = universe.playing()
    with pytest.raises(LuauError, match="magnitude must be a whole number"):
        server.give(NIA, "ko", magnitude=wrong)
    assert server.give(NIA, "training") == (TRAINING, "")
    server.close()
    assert universe.total(NIA) == TRAINING


@pytest.mark.parametrize("wrong", [-1, float("nan"), 1e9, "long"])
def test_a_duration_that_is_none_is_an_error(universe: Universe, wrong: Any) -> None:
    with pytest.raises(LuauError, match="duration must be seconds"):
        universe.playing().give(NIA, "activity", duration=wrong)


def test_a_duration_is_sent_in_whole_seconds(universe: Universe) -> None:
    server = universe.playing()
    assert server.give(NIA, "activity", duration=300.7) == (100, "")
    assert server.session(NIA)["tail"][0]["duration"] == 300


def test_a_record_that_was_broken_meanwhile_is_told(universe: Universe, grps: Grps) -> None:
    server = universe.playing()
    universe.stores["GRPS_Points"][f"player:{NIA}"] = '"somebody else writes here"'
    server.award(NIA, "training")
    universe.run(90)
    assert server.session(NIA)["state"] == "broken"
    assert "store.broken" in kinds(grps)
    assert server.award(NIA, "training") == (0, "NO_SESSION")


@pytest.mark.parametrize("reason", ["x" + " " * 100_000 + "x", "x" * 2001])
def test_a_reason_is_measured_before_anything_is_searched_in_it(
    universe: Universe, reason: str
) -> None:
    server = universe.playing()
    answer = server.ask(NIA, "act", {"verb": "warn", "userId": ZED, "reason": reason})
    assert answer == {"ok": False, "text": "The reason is too long or not readable."}


def test_an_adjustment_without_an_amount_is_asked_for_it(universe: Universe) -> None:
    server = universe.playing(GENERAL, NIA)
    assert server.say(GENERAL, f"/grps adjust {NIA}").startswith("Say how many points")


# Officers


def test_an_officer_recommends_somebody_below_once_per_rank(universe: Universe, grps: Grps) -> None:
    server = universe.playing(MAJOR, GENERAL, NIA)
    assert server.give(NIA, "recommendation", actor=MAJOR) == (1000, "")
    assert server.give(NIA, "recommendation", actor=MAJOR) == (0, "ALREADY_RECOMMENDED")
    assert server.give(NIA, "recommendation", actor=GENERAL) == (2000, "")
    assert server.give(MAJOR, "recommendation", actor=MAJOR) == (0, "ACTOR_NOT_ENTITLED")
    assert server.give(GENERAL, "recommendation", actor=MAJOR) == (0, "ACTOR_NOT_ENTITLED")
    server.close()
    later = universe.playing(MAJOR, NIA)
    assert later.give(NIA, "recommendation", actor=MAJOR) == (0, "ALREADY_RECOMMENDED")
    grps.standing[NIA] = ("Shock Trooper I", None)
    later.award(NIA, "wo")
    universe.run(12)
    assert later.give(NIA, "recommendation", actor=MAJOR) == (1000, "")


def test_what_the_server_does_by_itself_asks_whether_the_officer_still_is_one(
    universe: Universe, grps: Grps
) -> None:
    words = "announce The finals begin"
    server = universe.playing(GENERAL, NIA)
    universe.run(90)
    grps.standing[GENERAL] = ("Initiate", None)  # and the message of it was lost
    universe.run(60)
    assert "Done" not in (said := server.say(GENERAL, f"/grps {words}"))
    assert "not" in said
    assert server.session(GENERAL)["rank"] == "Initiate"
    grps.standing[GENERAL] = ("Brigadier General", None)
    universe.run(90)
    server.award(GENERAL, "wo")
    universe.run(12)
    grps.away = True
    kept = {"standing": {"rank": "Brigadier General", "sanction": None}, "adjusted": 7}
    universe.stores["GRPS_State"] = {f"player:{GENERAL}": json.dumps(kept)}
    universe.run(90)
    for _ in range(2):
        assert "your rank is not certain" in server.say(GENERAL, f"/grps {words}")


def test_an_order_that_got_no_answer_keeps_its_id_beside_others_and_for_five_minutes(
    universe: Universe, grps: Grps
) -> None:
    server = universe.playing(GENERAL, NIA, ZED)
    lost = {"adjust"}

    def http(url: str, method: str, headers: dict[str, str], body: str) -> Answer | None:
        answer = grps(url, method, headers, body)
        return (
            None
            if url.endswith("/roblox/sanctions") and json.loads(body)["kind"] in lost
            else answer
        )

    universe.http = http
    assert "does not answer" in server.say(GENERAL, f"/grps adjust {NIA} 5 won the finals")
    assert server.say(GENERAL, f"/grps warn {ZED} spammed") == "Done."
    lost.clear()
    assert server.say(GENERAL, f"/grps adjust {NIA} 5 won the finals") == "Done."
    first, _, again = grps.commands
    assert first["id"] == again["id"]
    lost.add("adjust")
    assert "does not answer" in server.say(GENERAL, f"/grps adjust {NIA} 5 won the finals")
    universe.run(400)
    lost.clear()
    assert server.say(GENERAL, f"/grps adjust {NIA} 5 won the finals") == "Done."
    assert grps.commands[-1]["id"] != grps.commands[-2]["id"]


def test_what_grps_refuses_is_told_as_refused(universe: Universe, grps: Grps) -> None:
    server = universe.playing(GENERAL, NIA)
    universe.http = lambda url, *call: (403, {}, "{}") if "sanctions" in url else grps(url, *call)
    assert (
        server.say(GENERAL, f"/grps warn {NIA} spammed")
        == "GRPS does not accept this (403). Nothing was done."
    )


@pytest.mark.parametrize(
    ("filter_fails", "words"), [(0.0, "You were warned: #### spam"), (1.0, "You were warned.")]
)
def test_whoever_is_warned_reads_so_and_why_as_roblox_filters_it(
    universe: Universe, filter_fails: float, words: str
) -> None:
    universe.faults["FilterStringAsync"] = (filter_fails, 0.0)
    server = universe.playing(MAJOR, NIA)
    assert server.say(MAJOR, f"/grps warn {NIA} damn spam") == "Done."
    assert server.told(NIA) == words


def test_a_warning_that_was_not_given_is_not_told(universe: Universe, grps: Grps) -> None:
    server = universe.playing(MAJOR, NIA)
    grps.verdict = "refused"
    server.say(MAJOR, f"/grps warn {NIA} spam")
    assert server.told(NIA) is None


def test_whoever_joins_reads_how_many_warnings_are_in_force(universe: Universe, grps: Grps) -> None:
    server = universe.playing()
    assert server.told(NIA) is None
    grps.warnings[NIA] = 2  # given in the console
    server.award(NIA, "training")
    universe.run(10)
    assert server.told(NIA) is None  # the answer to events does not say it
    server.leave(NIA)
    universe.run(5)
    server.join(NIA)
    universe.run(5)
    assert str(server.told(NIA)).startswith("2 warnings are in force against you.")
    server.join(MAJOR)
    universe.run(5)
    assert server.say(MAJOR, f"/grps warn {NIA} spam") == "Done."
    assert server.told(NIA) == "You were warned: spam"
    universe.run(60)
    server.do("grps.context.store:refresh(...)", NIA)
    universe.run(5)
    assert server.told(NIA) is None  # all three are known
    grps.warnings[NIA] = 1
    server.leave(NIA)
    universe.run(5)
    server.join(NIA)
    universe.run(5)
    assert str(server.told(NIA)).startswith("1 warning is in force")


def test_a_suspension_is_told_when_it_begins_at_every_join_and_when_it_ends(
    universe: Universe, grps: Grps
) -> None:
    server = universe.playing()
    assert server.told(NIA) is None
    grps.standing[NIA] = ("Suspended", "suspension")
    for _ in range(2):
        server.award(NIA, "wo")
        universe.run(8)
    assert "You are suspended" in str(server.told(NIA))
    assert server.told(NIA) is None
    later = universe.playing(ZED)
    server.leave(NIA)
    later.join(NIA)
    universe.run(8)
    assert "You are suspended" in str(later.told(NIA))
    universe.publish(
        "GRPS", {"grps": 1, "userId": NIA, "standing": {"rank": "Initiate", "sanction": None}}
    )
    universe.run(1)
    assert "is over" in str(later.told(NIA))


# Answers, lines and outages


def test_a_long_line_in_any_script_reaches_the_log_cut_between_characters(
    universe: Universe, grps: Grps
) -> None:
    server = universe.playing()
    server.do(
        "grps.context.say('test.long', string.rep('가', 400)) grps.context.say('test.odd', 'a\\255b')"
    )
    universe.run(12)
    assert server.machine.errors == []
    found = {line["kind"]: line["text"] for line in grps.lines}
    assert found["test.long"] == "가" * 166
    assert found["test.odd"] == "a?b"


@pytest.mark.parametrize("nonsense", ["null", "7", '{"players": [{}]}', "no JSON"])
def test_an_answer_without_sense_ends_nothing(
    universe: Universe, grps: Grps, nonsense: str
) -> None:
    odd = {"now": True}
    universe.http = events_only(grps, lambda _: (200, {}, nonsense) if odd["now"] else None)
    server = universe.playing()
    server.award(NIA, "training")
    universe.run(30)
    odd["now"] = False
    server.award(NIA, "ko")
    universe.run(90)
    server.close()
    assert grps.total(NIA) == TRAINING + KO
    assert universe.total(NIA) == TRAINING + KO


def test_one_event_that_spoils_its_call_is_let_go_and_the_others_land(
    universe: Universe, grps: Grps
) -> None:
    def spoiled(events: list[dict[str, Any]]) -> Answer | None:
        return (400, {}, "malformed") if any(event["type"] == "wo" for event in events) else None

    universe.http = events_only(grps, spoiled)
    server = universe.playing(*range(1, 9))
    for user_id in range(1, 9):
        server.award(user_id, "training")
        server.award(user_id, "ko")
    server.award(5, "wo")
    universe.run(120)
    assert len(grps.ledger) == 16
    assert server.session(5)["tail"] == {}
    (line,) = [line for line in grps.lines if line["kind"] == "outbox.rejected"]
    assert (line["userId"], "wo" in line["text"]) == (5, True)


def test_a_failed_write_of_the_index_is_tried_again(universe: Universe) -> None:
    server = universe.playing()
    universe.faults["SetIncrementSortedAsync"] = (1.0, 0.0)
    server.award(NIA, "training")
    universe.run(100)
    assert universe.stores.get("GRPS_Points_Index", {}) == {}
    universe.faults.clear()
    universe.run(70)
    assert universe.stores["GRPS_Points_Index"] == {str(NIA): str(TRAINING)}


def test_days_without_grps_leave_a_bounded_outbox_and_every_point(
    universe: Universe, grps: Grps
) -> None:
    universe.playing().close()  # the policy is known
    grps.away = True
    for _ in range(5):
        server = universe.playing()
        for _ in range(280):
            server.award(NIA, "wo")
        server.award(NIA, "training")
        server.close()
    record = universe.record(NIA)
    assert len(record["outbox"]) == 1000
    assert universe.total(NIA) == sum(kept["total"] for kept in record["sessions"].values())
    assert [kept["sequence"] for kept in record["sessions"].values()] == [281] * 5


def test_whoever_could_not_be_saved_when_they_left_is_saved_later(universe: Universe) -> None:
    server = universe.playing(NIA, ZED)
    server.award(NIA, "training")
    universe.faults["UpdateAsync"] = (1.0, 0.0)
    server.leave(NIA)
    universe.run(300)
    assert universe.total(NIA) == 0
    universe.faults.clear()
    universe.run(120)
    assert universe.total(NIA) == TRAINING


def test_a_topic_that_is_refused_for_long_is_heard_at_last(universe: Universe, grps: Grps) -> None:
    universe.faults["SubscribeAsync"] = (1.0, 0.0)
    server = universe.playing()
    universe.run(400)
    assert "topic.deaf" in kinds(grps)
    universe.faults.clear()
    universe.run(90)
    universe.publish("GRPS", {"grps": 1, "userId": NIA, "adjusted": {"sequence": 1, "total": 700}})
    universe.run(1)
    assert server.session(NIA)["known"] == 700


@pytest.mark.parametrize(
    ("standing", "warnings", "codes", "told"),
    [
        (("Suspended", "suspension"), 0, ["BCDFGHJKMNPQ"], "Your case code: BCDFGHJKMNPQ."),
        (
            ("Initiate", None),
            2,
            ["RSTVWXYZBCDF", "GHJKMNPQRSTV"],
            "Your case codes: RSTVWXYZBCDF, GHJKMNPQRSTV.",
        ),
    ],
)
def test_whoever_is_sanctioned_reads_the_codes_that_an_appeal_needs(
    universe: Universe,
    grps: Grps,
    standing: tuple[str, str | None],
    warnings: int,
    codes: list[str],
    told: str,
) -> None:
    grps.standing[NIA], grps.warnings[NIA] = standing, warnings
    kind = standing[1] or "warning"
    grps.cases[NIA] = [(kind, code) for code in codes]
    server = universe.playing()
    universe.run(5)
    assert told in str(server.told(NIA))
    assert server.told(GENERAL) is None


def test_whoever_is_warned_in_a_game_reads_the_code_at_once_and_the_officer_does_not(
    universe: Universe, grps: Grps
) -> None:
    server = universe.playing(MAJOR, NIA)
    grps.cases[NIA] = [("warning", "RSTVWXYZBCDF")]
    assert server.say(MAJOR, f"/grps warn {NIA} spam") == "Done."
    assert "Your case code: RSTVWXYZBCDF." in str(server.told(NIA))
    assert server.told(MAJOR) is None
