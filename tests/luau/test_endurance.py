"""What must hold where messages, records and good manners are missing: no epoch twice, nothing
lost, nobody starved.
"""

import json
import random

import pytest

from tests.luau.grps import Grps
from tests.luau.machine import take
from tests.luau.universe import NIA, Answer, Server, Universe

MAJOR, GENERAL = 1, 3
SEARCH = "local userId, text = ... grps.context.search:find(game.Players:GetPlayerByUserId(userId), text)"


@pytest.fixture
def grps() -> Grps:
    return Grps(standing={MAJOR: ("Tempest Major", None), GENERAL: ("Brigadier General", None)})


# Leases that are not to be had


@pytest.mark.parametrize("away", [False, True])
def test_whoever_comes_back_and_leaves_again_before_they_could_be_saved_loses_nothing(
    universe: Universe, grps: Grps, away: bool
) -> None:
    server = universe.playing()
    server.award(NIA, "training")
    universe.run(8)
    server.award(NIA, "operation")
    grps.away = away
    universe.faults = {"UpdateAsync": (1.0, 0.0), "AddAsync": (1.0, 0.0)}
    server.leave(NIA)
    universe.run(1)
    server.join(NIA)
    universe.run(20)
    server.leave(NIA)
    universe.run(120)
    universe.faults.clear()
    grps.away = False
    universe.run(300)
    assert universe.total(NIA) == 40_00
    assert "lease" not in universe.record(NIA)
    later = universe.playing()  # what was not sent lies in the record
    universe.run(10)
    later.close()
    assert grps.total(NIA) == universe.total(NIA) == 40_00
    assert (
        take(
            server.machine.call(
                server.machine.chunk("return #(...).context.store:all()"), server.grps
            )
        )
        == 0
    )


def test_a_server_that_closes_saves_the_stay_before_the_present_one_too(
    universe: Universe, grps: Grps
) -> None:
    server = universe.playing()
    grps.away = True
    server.award(NIA, "training")
    universe.faults = {"UpdateAsync": (1.0, 0.0), "AddAsync": (1.0, 0.0)}
    server.leave(NIA)
    universe.run(20)
    server.join(NIA)
    universe.run(2)
    universe.faults.clear()
    server.close(NIA)
    assert universe.total(NIA) == 15_00


def test_a_last_save_waits_for_no_save_that_waits_for_the_budget(universe: Universe) -> None:
    server = universe.playing()
    server.award(NIA, "training")
    for _ in range(280):
        server.leave_over("StandardWrite", 3)
        universe.run(0.25)
    assert server.session(NIA)["saving"] is True
    server.machine.call(server.machine.engine.get("close"))
    for _ in range(40):
        server.leave_over("StandardWrite", 3)
        universe.run(0.25)
    assert universe.total(NIA) == 15_00
    assert "lease" not in universe.record(NIA)


def crashed(universe: Universe) -> Server:
    """Another server, while the lease of one that crashed lasts."""
    universe.playing().crash()
    server = universe.server()
    server.join(NIA)
    universe.run(30)
    assert server.session(NIA)["state"] == "waiting"
    for _ in range(6):
        server.award(NIA, "training")
    return server


def test_whoever_leaves_before_the_lease_came_loses_nothing(universe: Universe, grps: Grps) -> None:
    server = crashed(universe)
    server.leave(NIA)
    universe.run(20)
    assert grps.total(NIA) == universe.total(NIA) == 90_00
    assert "store.unearned" not in {line["kind"] for line in grps.lines}


def test_hopping_from_server_to_server_past_a_lease_passes_no_cap(
    universe: Universe, grps: Grps
) -> None:
    universe.playing().crash()
    for _ in range(3):
        server = universe.server()
        server.join(NIA)
        universe.run(20)
        for _ in range(60):
            server.award(NIA, "training")
        server.leave(NIA)
        universe.run(20)
    assert grps.total(NIA) == universe.total(NIA) == 500_00


def test_the_sweep_forgets_nobody_whose_last_words_are_on_their_way(
    universe: Universe, grps: Grps
) -> None:
    server = crashed(universe)
    universe.latency["http"] = 4
    server.leave(NIA)
    universe.run(2)
    server.do("grps.context.store:sweep() grps.context.store:sweep()")
    universe.run(120)
    assert grps.total(NIA) == universe.total(NIA) == 90_00


def test_a_server_that_closes_before_the_lease_came_loses_nothing(
    universe: Universe, grps: Grps
) -> None:
    server = crashed(universe)
    grps.away = True
    server.close(NIA)
    assert universe.total(NIA) == 90_00
    grps.away = False
    universe.queues.clear()
    universe.run(300)
    later = universe.playing()
    universe.run(90)
    later.close()
    assert (
        grps.total(NIA) == universe.total(NIA) == 90_00
    )  # what was unsent was found beside the record's own
    assert not universe.record(NIA).get("strays")


def test_the_suspended_earn_nothing_either_while_a_lease_is_awaited(
    universe: Universe, grps: Grps
) -> None:
    grps.standing[NIA] = ("Suspended", "suspension")
    crashed(universe).leave(NIA)
    universe.run(20)
    assert grps.total(NIA) == universe.total(NIA) == 0


# A budget for everybody


def test_members_who_ask_without_end_delay_no_event_and_no_newcomer(
    universe: Universe, grps: Grps
) -> None:
    server = universe.playing(*range(1000, 1010), NIA)
    for second in range(240):
        for member in range(1000, 1010):
            server.do(
                "task.spawn(grps.command, grps, game.Players:GetPlayerByUserId(...), 'warn 999999 spam')",
                member,
            )
        if second % 10 == 0:
            server.award(NIA, "training")
        universe.run(1)
    assert grps.asked["/roblox/players/999999"] == 0
    assert grps.total(NIA) == 24 * 15_00
    server.join(7)
    universe.run(3)
    assert server.session(7)["state"] == "ready"


def test_officers_who_search_without_end_leave_half_of_the_budget(
    universe: Universe, grps: Grps
) -> None:
    officers = range(2000, 2030)
    for officer in officers:
        grps.standing[officer] = ("Tempest Major", None)
    server = universe.playing(NIA, *officers)
    universe.run(60)
    for second in range(180):
        for officer in officers:
            server.do(SEARCH, officer, f"somebody {second}")
        if second % 10 == 0:
            server.award(NIA, "training")
        universe.run(1)
    universe.run(6)
    assert grps.total(NIA) == 18 * 15_00
    assert 100 < grps.asked["/roblox/players"] < 400  # of 5,400


def test_a_command_goes_out_at_once_or_not_at_all(universe: Universe, grps: Grps) -> None:
    server = universe.playing(MAJOR, NIA)
    universe.http = lambda url, *call: (
        (503, {"Retry-After": "300"}, "{}") if "events" in url else grps(url, *call)
    )
    server.award(NIA, "training")
    universe.run(10)
    assert "does not answer now" in server.say(MAJOR, f"/grps warn {NIA} spam")
    universe.http = grps
    universe.run(400)
    assert grps.commands == []


# Ranks that may have changed


def test_whose_demotion_was_not_heard_of_is_asked_for_within_a_minute(
    universe: Universe, grps: Grps
) -> None:
    server = universe.playing(MAJOR, NIA)
    grps.standing[MAJOR] = ("Suspended", "suspension")
    universe.run(60)
    assert server.give(NIA, "recommendation", actor=MAJOR) == (0, "ACTOR_NOT_ENTITLED")


def test_an_officer_is_asked_for_in_time_however_seldom_records_are_saved(
    universe: Universe, grps: Grps
) -> None:
    server = universe.server(autosaveSeconds=120, leaseSeconds=360)
    for user_id in (MAJOR, NIA):
        server.join(user_id)
    universe.run(5)
    refused = 0
    for _ in range(300):
        universe.run(1)
        refused += server.give(NIA, "recommendation", actor=MAJOR)[1] == "ACTOR_NOT_ENTITLED"
    assert refused == 0


def test_without_grps_an_officers_word_holds_for_a_minute(universe: Universe, grps: Grps) -> None:
    server = universe.playing(MAJOR, NIA)
    grps.away = True
    universe.run(30)
    assert server.give(NIA, "recommendation", actor=MAJOR) == (10_00, "")
    universe.run(90)
    assert server.give(NIA, "recommendation", actor=MAJOR) == (0, "ACTOR_NOT_ENTITLED")


def test_an_officers_word_in_another_experience_counts_here_for_that_rank(
    universe: Universe, grps: Grps
) -> None:
    grps.recommended[NIA] = [MAJOR]
    server = universe.playing(MAJOR, GENERAL, NIA)
    assert server.give(NIA, "recommendation", actor=MAJOR) == (0, "ALREADY_RECOMMENDED")
    assert server.give(NIA, "recommendation", actor=GENERAL) == (20_00, "")
    grps.recommended[NIA] = []
    grps.standing[NIA] = ("Shock Trooper I", None)
    server.award(NIA, "training")
    universe.run(10)
    assert server.give(NIA, "recommendation", actor=MAJOR) == (10_00, "")


def test_whoever_does_nothing_hears_of_a_ban_all_the_same(universe: Universe, grps: Grps) -> None:
    universe.playing()
    grps.standing[NIA] = ("Initiate", "ban")  # and the message was lost
    universe.run(400)
    assert NIA in universe.kicked


@pytest.mark.parametrize("verdict", ["refused", "held"])
def test_an_event_is_given_only_where_grps_lets_the_officer(
    universe: Universe, grps: Grps, verdict: str
) -> None:
    server = universe.playing(GENERAL, NIA)
    grps.verdict = verdict
    assert server.say(GENERAL, f"/grps award {NIA} training") == "Done."
    assert server.session(NIA)["total"] == 0
    grps.verdict = "applied"
    assert server.say(GENERAL, f"/grps award {NIA} training") == "15 points."
    assert [(sent["kind"], sent["event"], sent["reason"]) for sent in grps.commands] == [
        ("award", "training", "gave the event training")
    ] * 2


def test_an_event_is_given_once_however_often_it_is_said_while_grps_takes_its_time(
    universe: Universe, grps: Grps
) -> None:
    server = universe.playing(GENERAL, NIA)
    universe.latency["http"] = 6
    for _ in range(5):
        server.machine.call(server.outside.get("say"), GENERAL, f"/grps award {NIA} training")
        universe.run(1.25)
    universe.run(60)
    assert len({sent["id"] for sent in grps.commands}) == 1
    assert grps.total(NIA) == universe.total(NIA) == 15_00


def test_nobody_is_given_an_event_who_just_left(universe: Universe, grps: Grps) -> None:
    server = universe.playing(GENERAL, NIA)
    grps.away = True
    server.award(NIA, "ko")
    server.leave(NIA)
    universe.run(2)
    assert "not on this server" in server.say(GENERAL, f"/grps award {NIA} training")
    assert grps.commands == []


def test_an_event_whose_answer_got_lost_is_given_once(universe: Universe, grps: Grps) -> None:
    server = universe.playing(GENERAL, NIA)
    grps.lossy, grps.dice = 1.0, random.Random(1)
    assert "does not answer" in server.say(GENERAL, f"/grps award {NIA} training")
    grps.lossy = 0.0
    assert server.say(GENERAL, f"/grps award {NIA} training") == "15 points."
    first, second = grps.commands
    assert first["id"] == second["id"]
    universe.run(10)
    assert grps.total(NIA) == universe.total(NIA) + 15_00 == 15_00


# The log, which staff read


def test_whoever_asks_for_what_they_may_not_does_not_fill_the_log(
    universe: Universe, grps: Grps
) -> None:
    server = universe.playing(GENERAL, NIA, MAJOR)
    server.do("grps.context.say('store.important', 'evidence')")
    grps.away = True
    for _ in range(70):
        server.ask(NIA, "act", {"verb": "warn", "userId": MAJOR, "reason": "x"})
        server.ask(MAJOR, "act", {"verb": "warn", "userId": GENERAL, "reason": "x"})
    grps.away = False
    universe.run(90)
    kinds = [line["kind"] for line in grps.lines]
    assert "store.important" in kinds
    assert 5 <= kinds.count("command.refused") <= 30  # the officer's, five a minute
    assert {line["text"] for line in grps.lines if line["kind"] == "command.refused"} == {
        f"player_{MAJOR}: warn: You may not: the player stands at or above your own position."
    }


def test_what_grps_wrote_before_does_not_take_the_place_of_what_it_said_since(
    universe: Universe, grps: Grps
) -> None:
    grps.away = True
    kept = {"standing": {"rank": "Initiate", "sanction": None}}
    universe.stores["GRPS_State"] = {f"player:{NIA}": json.dumps(kept)}
    universe.playing().close()
    grps.away = False
    server = universe.playing()
    grps.standing[NIA] = ("Suspended", "suspension")
    server.award(NIA, "training")
    universe.run(8)
    grps.away = True
    universe.run(400)
    assert server.award(NIA, "training") == (0, "NOT_EARNING")


def test_a_rank_that_the_policy_does_not_know_waits_for_the_policy_that_does(
    universe: Universe, grps: Grps
) -> None:
    server = universe.playing()
    grps.standing[NIA] = ("Novice", None)
    document = json.dumps({"version": "2"} | grps.policy).replace('"Initiate"', '"Novice"')

    def http(url: str, method: str, headers: dict[str, str], body: str) -> Answer | None:
        return (
            (200, {"ETag": '"2"'}, document)
            if url.endswith("/roblox/policy")
            else grps(url, method, headers, body)
        )

    server.do("grps.context.store:refresh(...)", NIA)
    universe.run(2)
    assert server.award(NIA, "training") == (0, "WAITING")
    server.join(7)
    grps.standing[7] = ("Novice", None)
    server.award(7, "training")
    universe.run(3)
    assert (server.session(7)["state"], server.session(7)["total"]) == ("ready", 0)
    universe.http = http
    universe.run(12)
    server.do("grps.context.store:refresh(...)", NIA)
    universe.run(3)
    assert server.session(NIA)["total"] == 15_00
    assert server.award(NIA, "training") == (15_00, "")


# Queues, names, keys, lines and bans


def test_the_queue_takes_a_part_of_what_the_game_has_and_what_no_save_has_yet(
    universe: Universe, grps: Grps
) -> None:
    server = universe.playing(*range(1, 41))
    grps.away = True
    for _ in range(120):
        for user_id in range(1, 41):
            server.award(user_id, "training")
        universe.run(2)
    own = 1000 + 600 * 40
    assert own * 0.6 < universe.stored < own  # of 113,536 bytes
    assert sum("outbox.unqueued" in line for line in server.machine.said) == 1
    server.crash()
    grps.away = False
    grps.drain(universe.queues["GRPS_Events"])
    assert all(grps.total(user_id) > 0 for user_id in range(1, 41))


def test_what_is_saved_needs_no_queue(universe: Universe, grps: Grps) -> None:
    server = universe.playing()
    server.do("grps.context.outbox.loop:stop()")
    grps.away = True
    server.award(NIA, "training")
    universe.run(70)
    server.do("grps.context.outbox:flush()")
    universe.run(5)
    assert universe.queues == {}
    server.award(NIA, "training")
    server.do("grps.context.outbox:flush()")
    universe.run(5)
    (item,) = universe.queues["GRPS_Events"]
    assert [event["sequence"] for event in json.loads(item)["events"]] == [2]


def test_where_the_queue_cannot_hold_all_it_has_the_last_of_each_player(
    universe: Universe, grps: Grps
) -> None:
    server = universe.playing(NIA, MAJOR)
    grps.away = True
    for _ in range(30):
        server.award(NIA, "training")
    server.award(MAJOR, "training")
    universe.run(12)
    (item,) = universe.queues["GRPS_Events"]
    found = json.loads(item)["events"]
    assert {event["userId"]: event["sequence"] for event in found} == {NIA: 30, MAJOR: 1}
    server.crash()
    grps.away = False
    grps.drain([item])
    assert (grps.total(NIA), grps.total(MAJOR)) == (30 * 15_00, 15_00)


def test_after_an_outage_the_queue_has_room_again(universe: Universe, grps: Grps) -> None:
    server = universe.playing()
    for _ in range(2):
        grps.away = True
        universe.faults["AddAsync"] = (1.0, 0.0)
        server.award(NIA, "wo")
        universe.run(12)
        universe.faults.clear()
        server.award(NIA, "wo")
        universe.run(40)
        assert universe.queues == {}  # refused once, it is left alone
        grps.away = False
        for _ in range(8):
            universe.run(60)
            server.award(NIA, "wo")
        universe.run(10)
    grps.away = True
    server.award(NIA, "wo")
    universe.run(12)
    assert len(universe.queues["GRPS_Events"]) == 1


def test_a_game_whose_queue_nobody_may_empty_has_none(universe: Universe, grps: Grps) -> None:
    server = universe.server(queue="")
    server.join(NIA)
    universe.run(3)
    grps.away = True
    server.award(NIA, "training")
    universe.run(30)
    grps.away = False
    universe.run(90)
    assert universe.queues == {}
    assert grps.total(NIA) == universe.total(NIA) == 15_00


def test_a_queue_that_takes_nothing_is_told_and_every_event_waits_for_grps(
    universe: Universe, grps: Grps
) -> None:
    universe.faults["AddAsync"] = (1.0, 0.0)
    server = universe.playing()
    grps.away = True
    server.award(NIA, "training")
    universe.run(120)
    assert universe.queues == {}
    grps.away = False
    universe.run(200)
    assert grps.total(NIA) == 15_00
    assert "outbox.unqueued" in {line["kind"] for line in grps.lines}


def test_digits_are_a_user_id_unless_somebody_here_is_called_so(
    universe: Universe, grps: Grps
) -> None:
    server = universe.playing(MAJOR)
    server.join(NIA, "12345")
    universe.run(3)
    assert "Type @12345 for them, or #12345 for the user id" in server.say(
        MAJOR, "/grps note 12345 is polite"
    )
    assert server.say(MAJOR, "/grps note @12345 is polite") == "Done."
    assert server.say(MAJOR, "/grps note #12345 is polite") == "Done."
    assert server.say(MAJOR, "/grps note 99 is polite") == "Done."
    assert "Nobody here is called 1e5" in server.say(MAJOR, "/grps note 1e5 is polite")
    assert [sent["userId"] for sent in grps.commands] == [NIA, 12345, 99]


def test_a_key_that_was_changed_is_read_anew_and_no_line_is_lost_meanwhile(
    universe: Universe, grps: Grps
) -> None:
    server = universe.playing()
    asked: list[str] = []

    def http(url: str, method: str, headers: dict[str, str], body: str) -> Answer | None:
        asked.append(headers["x-grps-api-key"])
        return (403, {}, "{}") if len(asked) < 20 else grps(url, method, headers, body)

    universe.http = http
    server.machine.call(
        server.machine.chunk("(...).context.say('test.kept', 'a line')"), server.grps
    )
    server.award(NIA, "training")
    universe.run(400)
    assert grps.total(NIA) == 15_00
    assert "test.kept" in {line["kind"] for line in grps.lines}
    held = server.machine.chunk("return (...).context.api.key ~= nil")
    assert server.machine.call(held, server.grps) is True
    universe.http = lambda *_: (401, {}, "{}")
    server.award(NIA, "training")
    universe.run(20)
    assert server.machine.call(held, server.grps) is False  # it is not kept past a refusal


def test_one_line_that_spoils_its_call_is_let_go_alone(universe: Universe, grps: Grps) -> None:
    def http(url: str, method: str, headers: dict[str, str], body: str) -> Answer | None:
        spoilt = url.endswith("/roblox/audits") and "poison" in body
        return (400, {}, "{}") if spoilt else grps(url, method, headers, body)

    universe.http = http
    server = universe.playing()
    for number in range(9):
        text = "poison" if number == 4 else f"line {number}"
        server.machine.call(
            server.machine.chunk("local grps, text = ... grps.context.say('test.line', text)"),
            server.grps,
            text,
        )
    universe.run(120)
    found = [line["text"] for line in grps.lines if line["kind"] == "test.line"]
    assert sorted(found) == sorted(f"line {number}" for number in range(9) if number != 4)


def test_roblox_is_told_of_a_ban_once(universe: Universe, grps: Grps) -> None:
    told: list[int] = []
    ban = universe.ban
    universe.ban = lambda user_id, *rest: (told.append(user_id), ban(user_id, *rest))[1]  # type: ignore[method-assign]
    server = universe.playing()
    grps.bans[NIA] = {"case": 12, "until": None, "reason": "Exploiting", "liftedByUs": True}
    grps.standing[NIA] = ("Initiate", "ban")
    for _ in range(5):
        server.award(NIA, "wo")
    universe.publish(
        "GRPS", {"grps": 1, "userId": NIA, "standing": {"rank": "Initiate", "sanction": "ban"}}
    )
    universe.run(60)
    assert told == [NIA]
