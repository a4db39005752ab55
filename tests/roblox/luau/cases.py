"""Random policies, valid and broken, and random questions with Python's answers.

The answers are those of players/policy, and for awards of tests/players/policy/reference.py.
"""

import copy
import datetime as dt
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from players.policy import checks
from players.policy.bundle import SECOND_ABOVE, Bundle, RankRule
from players.policy.counters import SessionTotal
from players.policy.membership import MembershipStatus, belongs, earns, is_ignored
from players.policy.multipliers import Occasion
from players.policy.permissions import Act, may
from players.policy.ranks import RankLock, RankState, evaluate, lock_before
from players.policy.validation import FILES
from players.policy.warning_thresholds import sanction_for, suspension_ends, warning_expires
from tests.players.policy.reference import Earner, Event, award, balance, day_of, losable, week_of

CONFIG = Path(__file__).resolve().parent.parent.parent.parent / "config"
EPOCH = dt.date(1970, 1, 1)
DAY = 86_400
HERE = "nexus"  # the experience that asks
# These are read by GRPS alone, so games do not check them.
ONLY_GRPS = ("experiences", "joinRequests", "discord")
STARTS = ("2015-06-01T00:00:00Z", "2020-12-31T23:59:59Z")
ENDS = ("2020-12-31T23:59:59Z", "2026-12-07T00:00:00Z")
Documents = dict[str, Any]
Question = dict[str, Any]


def own() -> Documents:
    """Return the project's policy."""
    found = {key: json.loads((CONFIG / name).read_text()) for key, name in FILES.items()}
    return {
        key: {name: item for name, item in document.items() if name != "$schema"}
        for key, document in found.items()
    }


def policy(dice: random.Random) -> Documents:
    """Build a random valid policy."""
    levels = [f"L{number}" for number in range(dice.randrange(1, 5))]
    ranks: list[dict[str, Any]] = []
    permissions: dict[str, Any] = {}
    floor = 0.0
    count = dice.randrange(2, 12)
    punishment = dice.randrange(count)
    for place in range(count):
        ignored = place != punishment and len(ranks) > 2 and dice.random() < 0.15
        beside = place == punishment or ignored
        first = not beside and not any(
            not row["isPunishment"] and not row["ignored"] for row in ranks
        )
        if not beside and not first:
            floor = round(floor + dice.choice([0.01, 0.5, 10, 99.99, 1000]), 2)
        name = dice.choice(["Rank {}", "Räng {}", "階級 {}"]).format(place)
        ranks.append(
            {
                "name": name,
                "minPoints": amount(dice) if beside else floor,
                "minTimeDays": dice.choice([0, 0, 1, 3, 30]),
                "requiredRecommendations": dice.choice([0, 0, 0, 1, 3]),
                "role": place,
                "privileged": not first and dice.random() < 0.3,
                "isPunishment": place == punishment,
                "ignored": ignored,
                "canEarn": dice.random() < 0.8,
                **dice.choice([{}, {"description": "", "colour": "#0a9f00"}]),
            }
        )
        permissions[name] = {
            "level": dice.choice(levels),
            "canWarn": dice.random() < 0.5,
            "canAdjust": dice.random() < 0.5,
            "canBan": dice.random() < 0.4,
        } | {"adjustLimit": dice.choice([None, 0, 0.5, 100, 500])}
    if not any(not row["isPunishment"] and not row["ignored"] for row in ranks):
        return policy(dice)
    daily = dice.choice([0, 1, 7.5, 500, 500])
    events = _events(dice, levels)
    second = dice.choice([{}, {"secondPersonAbove": dice.choice([0, 0.5, 100, 1000.01])}])
    trial = dice.randrange(1, 5)
    return {
        "ranks": {
            "demotion": dice.choice(["off", "propose", "auto"]),
            "reproposeDays": dice.randrange(30),
            **dice.choice([{}, {"rejoin": "restore"}, {"rejoin": "ask"}, {"rejoin": "reset"}]),
            "ignoredRoles": dice.choice([["Guest"], ["Guest", "Bot"], []]),
            "ranks": ranks,
        },
        "points": {
            "dailyCap": daily,
            "weeklyCap": daily + dice.choice([0, 1, 2000]),
            "ko_cooldown_seconds": dice.choice([0, 1, 30]),
            "activity_min_seconds": dice.choice([0, 1, 300]),
            "events": events,
            **dice.choice([{}, {"multipliers": _multipliers(dice, [*events])}]),
        },
        "punishments": {
            "trial_threshold": trial,
            "trial_days": dice.randrange(1, 30),
            "severe_threshold": trial + dice.randrange(1, 4),
            "warning_days": dice.choice([None, 1, 90]),
        },
        "permissions": {"levels": levels, "ranks": permissions} | second,
        **dice.choice([{}, {"community": _community(dice, levels, [*permissions], events)}]),
    }


def _multipliers(dice: random.Random, events: list[str]) -> list[dict[str, Any]]:
    """Return multipliers whose times overlap, also for events and experiences."""
    return [
        {
            "name": f"Multiplier {number}",
            "from": dice.choice(["2000-01-01T00:00:00Z", "2000-02-29T23:59:59Z", *STARTS]),
            "to": dice.choice(["2016-02-29T12:00:01Z", "2033-01-01T00:00:00Z", *ENDS]),
            "factor": dice.choice([1, 1.01, 1.15, 1.25, 1.5, 2, 4.35, 100]),
            **dice.choice([{}, {"events": dice.sample(events, 1)}]),
            **dice.choice([{}, {"experiences": dice.choice([[HERE], ["elsewhere"]])}]),
        }
        for number in range(dice.randrange(4))
    ]


def _community(
    dice: random.Random, levels: list[str], ranks: list[str], events: dict[str, Any]
) -> dict[str, Any]:
    """Return a community document for games, which may be empty."""
    awards = [name for name, kind in events.items() if not kind.get("recommends")]
    kinds = {
        name: {
            "title": dice.choice(["Training", "Ü"]),
            "award": dice.choice(awards),
            "hosts": dice.sample(levels, 1),
            **dice.choice([{}, {"hostAward": dice.choice([None, *awards])}]),
            **dice.choice([{}, {"minMinutes": 0, "lateMinutes": 5, "maxHours": 24}]),
        }
        for name in (["training", "a.b_1"] if awards else [])
    }
    ticks = [name for name, kind in events.items() if kind.get("shortest")]
    quota = {
        "name": "Week",
        "levels": dice.sample(levels, 1),
        "ranks": dice.sample(ranks, 1),
        "period": dice.choice(["week", "month"]),
        "minutes": 60,
        "misses": [{"after": 1, "outcome": "report"}, {"after": 3, "outcome": "warn"}],
    }
    leave = {"maxDays": 30, "approvers": levels[:1], "timeInRank": "rests", "remindDays": 1}
    sections: dict[str, Any] = {
        "hostedEvents": {"kinds": kinds},
        "activity": {"idleSeconds": 30, **dice.choice([{}, {"tick": dice.choice(ticks or ["x"])}])},
        "quotas": dice.choice([[], [quota]]),
        "leave": leave,
    }
    if not kinds:
        del sections["hostedEvents"]
    return {name: sections[name] for name in sections if dice.random() < 0.6}


def for_games(documents: Documents) -> Documents:
    """Return documents, valid or not, as `GET /roblox/policy` sends them to the experience HERE."""
    made = copy.deepcopy(documents)
    rows = made["points"].pop("multipliers", [])
    if isinstance(rows, list):
        rows = [row for row in rows if not _is_elsewhere(row)]
    community = made.get("community") or {}
    sections = {name: row for name, row in community.items() if name not in ONLY_GRPS}
    return made | {"multipliers": rows, "community": sections}


def without_unsent(documents: Documents) -> Documents:
    """Return documents without what `for_games` leaves out, so that only seen defects remain."""
    sent = for_games(documents)
    points = sent["points"] | {"multipliers": sent.pop("multipliers")}
    return sent | {"points": points}


def _is_elsewhere(row: Any) -> bool:
    """Return whether a multiplier is not for HERE, and take out for what it is."""
    places = row.pop("experiences", [HERE]) if isinstance(row, dict) else [HERE]
    return isinstance(places, list) and HERE not in places


def _events(dice: random.Random, levels: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in dice.sample(
        ["ko", "wo", "activity", "training", "a.b_1", "recommendation"], dice.randrange(1, 7)
    ):
        kind: dict[str, Any] = {}
        if dice.random() < 0.3:
            kind["weightByLevel"] = {level: abs(amount(dice)) for level in dice.sample(levels, 1)}
            kind["recommends"] = dice.random() < 0.5
        else:
            kind["weight"] = amount(dice)
        rules = {
            "counter": dice.choice(["kos", "wos"]),
            "cooldown": "ko_cooldown_seconds",
            "shortest": "activity_min_seconds",
        }
        kind |= {field: value for field, value in rules.items() if dice.random() < 0.3}
        found[name] = kind
    return found


def amount(dice: random.Random) -> float:
    """Return points with at most two decimals, also those that binary fractions round badly."""
    return dice.choice(
        [0, 1, 25, 0.25, -0.1, 0.29, 1.1, -3.33, 1.15, 4.35, 8.2, round(dice.uniform(-50, 50), 2)]
    )


def broken(dice: random.Random, documents: Documents) -> Documents:
    """Add one defect, or an odd value that is none."""
    made = copy.deepcopy(documents)
    dice.choice(DEFECTS)(dice, made)
    return made


def _some_field(dice: random.Random, made: Documents) -> None:
    holder: Any = made[dice.choice([*made])]
    while True:
        key = dice.choice([*(holder if isinstance(holder, dict) else range(len(holder)))])
        if key in ONLY_GRPS:
            return
        inner = holder[key]
        if isinstance(inner, dict | list) and inner and dice.random() < 0.8:
            holder = inner
            continue
        holder[key] = dice.choice(["text", 0.001, -1, 1.5, 2e9, True, {"a": 1}, [1], 0.07, 3, 3.0])
        return


def _lose_field(dice: random.Random, made: Documents) -> None:
    document = made[dice.choice([*made])]
    rows = [document, made["ranks"]["ranks"][0], *made["points"]["events"].values()]
    row = dice.choice(rows)
    # To a game null equals a missing field, except for these.
    optional = {"warning_days", "adjustLimit", "rejoin", "description", "colour"}
    keys = [key for key in row if key not in optional]
    del row[dice.choice(keys)]


def _unknown_field(dice: random.Random, made: Documents) -> None:
    rows = [
        made["ranks"],
        made["points"],
        made["ranks"]["ranks"][0],
        *made["points"]["events"].values(),
    ]
    dice.choice(rows)["minPoint"] = 3


def _rank(field: str) -> Callable[[random.Random, Documents], None]:
    def change(dice: random.Random, made: Documents) -> None:
        one, other = dice.choice(made["ranks"]["ranks"]), dice.choice(made["ranks"]["ranks"])
        one[field] = other[field]

    return change


def _levels(dice: random.Random, made: Documents) -> None:
    dice.choice([*made["permissions"]["ranks"].values()])["level"] = "nobody's"


def _stranger(dice: random.Random, made: Documents) -> None:
    made["permissions"]["ranks"]["Stranger"] = next(iter(made["permissions"]["ranks"].values()))


def _missing_rank(dice: random.Random, made: Documents) -> None:
    del made["permissions"]["ranks"][dice.choice([*made["permissions"]["ranks"]])]


def _caps(dice: random.Random, made: Documents) -> None:
    made["points"]["dailyCap"], made["points"]["weeklyCap"] = (
        made["points"]["weeklyCap"],
        made["points"]["dailyCap"],
    )


def _thresholds(dice: random.Random, made: Documents) -> None:
    made["punishments"]["severe_threshold"] = made["punishments"][
        "trial_threshold"
    ] + dice.randrange(-1, 1)


def _event_name(dice: random.Random, made: Documents) -> None:
    made["points"]["events"][dice.choice(["Ko", "1ko", "k" * 41, "k" * 40, "ko-1", "k.o"])] = {
        "weight": 1
    }


def _rejoin(dice: random.Random, made: Documents) -> None:
    made["ranks"]["rejoin"] = dice.choice(["reset", "", "forget", 1])


def _presentation(dice: random.Random, made: Documents) -> None:
    row = dice.choice(made["ranks"]["ranks"])
    row["description"] = dice.choice(["é" * 200, "é" * 201, 1])
    row["colour"] = dice.choice(["#00ff7a", "#00FF7A", "#00ff7", "#00ff7a\n", "red", 1])


def _both_weights(dice: random.Random, made: Documents) -> None:
    kind = dice.choice([*made["points"]["events"].values()])
    kind |= {"weight": 1, "weightByLevel": {made["permissions"]["levels"][0]: 1}}


def _level_twice(dice: random.Random, made: Documents) -> None:
    made["permissions"]["levels"].append(
        dice.choice([made["permissions"]["levels"][0], "another", ""])
    )


def _long_name(dice: random.Random, made: Documents) -> None:
    name = dice.choice(["é", "x"]) * dice.choice([80, 81])
    row = dice.choice(made["ranks"]["ranks"])
    made["permissions"]["ranks"][name] = made["permissions"]["ranks"].pop(row["name"])
    row["name"] = name


def _multiplier(dice: random.Random, made: Documents) -> None:
    """Add a multiplier with an odd field."""
    row: dict[str, Any] = {
        "name": "Double weekend",
        "from": "2026-12-05T00:00:00Z",
        "to": "2026-12-07T00:00:00Z",
        "factor": 2,
    }
    name, value = dice.choice(
        [
            *(("from", text) for text in ("2026-02-29T00:00:00Z", "2028-02-29T00:00:00Z")),
            *(("from", text) for text in ("2026-12-07T00:00:00Z", "1999-12-31T23:59:59Z")),
            *(("from", text) for text in ("2026-12-05", "2026-12-05T00:00:00Z\n", "")),
            *(("to", text) for text in ("2026-12-06T24:00:00Z", "2026-12-06T23:60:00Z")),
            *(("to", text) for text in ("2026-12-06T23:59:60Z", "2026-13-01T00:00:00Z")),
            *(("to", text) for text in ("2100-02-29T00:00:00Z", "2099-12-31T23:59:59Z")),
            *(("factor", number) for number in (0.99, 1, 1.005, 100, 100.01, "2")),
            ("events", ["heard_of_by_nobody"]),
            ("events", []),
            ("name", dice.choice(["", "x" * 80, "x" * 81])),
        ]
    )
    rows = made["points"].setdefault("multipliers", [])
    rows.append(row | {name: value})
    if dice.random() < 0.1:
        rows.append(row)


def _section(dice: random.Random, made: Documents) -> None:
    """Change a section of the community document, or add one."""
    found = made.setdefault("community", {})
    levels, events = made["permissions"]["levels"], [*made["points"]["events"]]
    kind = {"title": "T", "award": dice.choice(events), "hosts": levels[:1]}
    kind |= dice.choice([{}, {"hosts": []}, {"hosts": ["X"]}, {"award": "x"}, {"hostAward": "x"}])
    quota: dict[str, Any] = {"name": "Q", "levels": levels[:1], "period": "week", "hosted": 1}
    quota |= dice.choice(
        [
            {},
            {"levels": []},
            {"levels": [], "ranks": [made["ranks"]["ranks"][0]["name"]]},
            {"ranks": ["nobody's"]},
            {"hosted": 0},
            {"misses": [{"after": 2, "outcome": "warn"}, {"after": 2, "outcome": "propose"}]},
            {"misses": [{"after": 1, "outcome": "ban"}]},
        ]
    )
    leave = {"maxDays": 1, "approvers": dice.choice([[], ["X"], levels]), "timeInRank": "rests"}
    found |= dice.choice(
        [
            {"hostedEvents": {"kinds": {dice.choice(["t", "T", "k" * 41]): kind}}},
            {"activity": {"idleSeconds": dice.choice([29, 30]), "tick": dice.choice(events)}},
            {"quotas": [quota, *dice.choice([[], [quota]])]},
            {"leave": leave},
        ]
    )


DEFECTS: tuple[Callable[[random.Random, Documents], None], ...] = (
    _some_field,
    _some_field,
    _some_field,
    _lose_field,
    _unknown_field,
    _rank("name"),
    _rank("role"),
    _rank("minPoints"),
    _rank("isPunishment"),
    _rank("privileged"),
    _levels,
    _stranger,
    _missing_rank,
    _caps,
    _thresholds,
    _event_name,
    _rejoin,
    _presentation,
    _both_weights,
    _level_twice,
    _long_name,
    _multiplier,
    _multiplier,
    _section,
    _section,
)


def question(dice: random.Random, bundle: Bundle) -> tuple[Question, Any]:
    """Return a random question, and the answer of Python."""
    return dice.choice(
        [_award, _award, _stream, _evaluate, _may, _may, _sanction, _sums, _belonging]
    )(dice, bundle)


def _award(dice: random.Random, bundle: Bundle) -> tuple[Question, Any]:
    type_ = dice.choice([*bundle.points.events, *bundle.points.events, "picnic"])
    at = dice.choice([dice.randrange(0, 2_000_000_000), _near_an_edge(dice, bundle)])
    near = dice.choice([0, 1, 29, 30, 31, 1000])
    daily, weekly = bundle.points.daily_cap, bundle.points.weekly_cap
    level = dice.choice([None, *bundle.levels])
    asked: Question = {
        "ask": "award",
        "event": {
            "type": type_,
            "at": at,
            "magnitude": dice.choice([1, 1, 1, 2, 7, 100_000]),
            "duration": dice.choice([None, 0, 1, 299, 300, 301]),
            "actorLevel": level,
            "alreadyRecommended": dice.random() < 0.3,
        },
        "earner": {
            "canEarn": dice.random() < 0.9,
            "known": dice.choice([0, 0, 5, -20, 333, 10**9]),
            "today": max(0, daily - dice.choice([0, 1, 10, 25, 100, daily]))
            if dice.random() < 0.7
            else daily + 3,
            "thisWeek": max(0, weekly - dice.choice([0, 1, 10, 25, 2000, weekly])),
            "lastCounted": {dice.choice([type_, "ko"]): at - near} if dice.random() < 0.6 else {},
            "membership": str(_membership(dice)),
            "unknownFor": dice.choice([None, 0, 299, 300, 301, 10**6]),
        },
    }
    event, earner = asked["event"], asked["earner"]
    moment = dt.datetime.fromtimestamp(at, dt.UTC)
    found = award(
        Event(
            type_,
            moment,
            event["magnitude"],
            event["duration"],
            level,
            event["alreadyRecommended"],
            HERE,
        ),
        Earner(
            earner["canEarn"],
            earner["known"],
            earner["today"],
            earner["thisWeek"],
            {
                name: dt.datetime.fromtimestamp(last, dt.UTC)
                for name, last in earner["lastCounted"].items()
            },
            membership=MembershipStatus(earner["membership"]),
            unknown_for=earner["unknownFor"],
        ),
        bundle.points,
    )
    days = [(one - EPOCH).days for one in (day_of(moment), week_of(moment))]
    return asked, [found.amount, str(found.reason or ""), *days]


def _near_an_edge(dice: random.Random, bundle: Bundle) -> int:
    """Return a time at most a second from where a multiplier starts or ends."""
    edges = [edge for one in bundle.points.multipliers for edge in (one.start, one.end)]
    return int(dice.choice([*edges, dt.datetime(2026, 12, 5, tzinfo=dt.UTC)]).timestamp()) + (
        dice.choice([-1, 0, 1])
    )


def _sums(dice: random.Random, bundle: Bundle) -> tuple[Question, Any]:
    """Ask for the points shown, and for what may be lost in the first of several experiences."""
    sums = [
        dice.choice([0, -1, 1, -400_00, 10**9, dice.randrange(-999, 999)])
        for _ in range(dice.randrange(1, 5))
    ]
    adjusted = dice.choice([0, 0, -1, 7, -(10**9), dice.randrange(-999, 999)])
    elsewhere = sum(max(0, one) for one in sums[1:])
    asked: Question = {"ask": "sums", "sums": sums, "elsewhere": elsewhere, "adjusted": adjusted}
    return asked, [balance(sums, adjusted), losable(sums[0], elsewhere, adjusted)]


def _stream(dice: random.Random, bundle: Bundle) -> tuple[Question, Any]:
    """Ask for the awards of thirty events over weeks, where each affects the later ones."""
    rank, at, events, amounts, reasons = (
        dice.choice(bundle.ranks),
        dice.randrange(0, 1_900_000_000),
        [],
        [],
        [],
    )
    others, elsewhere, adjusted = (dice.choice([0, 0, -50, 300, 10**6]) for _ in range(3))
    elsewhere = max(0, elsewhere)
    total, today, this_week = 0, 0, 0
    counts = {"kos": 0, "wos": 0}
    last: dict[str, dt.datetime] = {}
    recommended: set[int] = set()
    membership, unknown_since = _membership(dice), at + dice.choice([0, -299, 1])
    moment = dt.datetime.fromtimestamp(at, dt.UTC)
    for _ in range(30):
        before, at = moment, at + dice.choice([0, 1, 29, 30, 31, 300, 3600, 28_800, 7 * DAY])
        moment = dt.datetime.fromtimestamp(at, dt.UTC)
        today = today if day_of(moment) == day_of(before) else 0
        this_week = this_week if week_of(moment) == week_of(before) else 0
        type_ = dice.choice([*bundle.points.events, "picnic"])
        level, officer, magnitude = (
            dice.choice([None, *bundle.levels]),
            dice.choice([7, 8]),
            dice.choice([1, 1, 3, 50]),
        )
        duration = dice.choice([None, 299, 300, 301])
        events.append(
            {
                "type": type_,
                "at": at,
                "magnitude": magnitude,
                "duration": duration,
                "actorLevel": level,
            }
            | {"actorUserId": officer}
        )
        found = award(
            Event(type_, moment, magnitude, duration, level, officer in recommended, HERE),
            Earner(
                *(
                    rank.can_earn,
                    losable(others + total, elsewhere, adjusted),
                    today,
                    this_week,
                    last,
                ),
                membership=membership,
                unknown_for=at - unknown_since,
            ),
            bundle.points,
        )
        amounts.append(found.amount)
        reasons.append(str(found.reason or ""))
        kind = bundle.points.events.get(type_)
        if kind is None:
            continue
        total += found.amount
        if kind.counter:
            counts[kind.counter] += magnitude
        if found.amount > 0:
            today, this_week = today + found.amount, this_week + found.amount
            last[type_] = moment
            recommended |= {officer} if kind.recommends else set()
    asked: Question = {"ask": "stream", "rank": rank.name, "events": events}
    asked |= {"others": others, "elsewhere": elsewhere, "adjusted": adjusted}
    asked |= {"membership": str(membership), "unknownSince": unknown_since}
    shown = balance([others + total, elsewhere], adjusted)
    return asked, [
        amounts,
        reasons,
        total,
        counts["kos"],
        counts["wos"],
        len({*reasons} - {""}) > 0,
        shown,
    ]


def _evaluate(dice: random.Random, bundle: Bundle) -> tuple[Question, Any]:
    rank = dice.choice(bundle.ranks)
    target = bundle.next_after(rank) or rank
    since, now = dice.randrange(1_000_000_000, 1_700_000_000), 0
    now = (
        since + target.min_time_days * DAY + dice.choice([-DAY - 1, -DAY, -1, 0, 1, DAY, -3 * DAY])
    )
    points = dice.choice([target.min_points, rank.min_points]) + dice.choice([-100, -1, 0, 1, 5000])
    words = target.required_recommendations + dice.choice([-1, 0, 1])
    sanctioned, membership = dice.random() < 0.2, _membership(dice)
    locks = _locks(dice, [None, target.name, dice.choice(bundle.ranks).name], now)
    asked: Question = {
        "ask": "evaluate",
        "standing": {
            "rank": rank.name,
            "points": points,
            "rankSince": since,
            "recommendations": words,
            "sanctioned": sanctioned,
            "membership": str(membership),
        },
        "locks": [{"rank": one.rank, "ends": _second(one.ends_at)} for one in locks],
        "now": now,
    }
    moment = dt.datetime.fromtimestamp(since, dt.UTC)
    at = dt.datetime.fromtimestamp(now, dt.UTC)
    lock = lock_before(locks, bundle.next_after(rank), at)
    standing = RankState(
        rank, points, moment, words, sanctioned, membership=membership, locked=lock is not None
    )
    found = evaluate(standing, bundle, at)
    return asked, [
        found.kind or "",
        found.target.name if found.target else "",
        found.automatic,
        ",".join(found.failed),
        found.missing.points,
        found.missing.days,
        found.missing.recommendations,
        int(found.due_at.timestamp()) if found.due_at else -1,
        locks.index(lock) if lock else -1,
    ]


def _locks(dice: random.Random, names: list[str | None], now: int) -> list[RankLock]:
    """Return locks of some ranks, or of all (None), that differ, around their ends."""
    found = [
        RankLock(
            dice.choice(names),
            None
            if dice.random() < 0.3
            else dt.datetime.fromtimestamp(now + dice.choice([-1, 0, 1, place]), dt.UTC),
        )
        for place in range(2, 2 + dice.choice([0, 0, 0, 1, 2, 3]))
    ]
    return list(dict.fromkeys(found))


def _second(moment: dt.datetime | None) -> int | None:
    return int(moment.timestamp()) if moment else None


def _may(dice: random.Random, bundle: Bundle) -> tuple[Question, Any]:
    actor, target = dice.choice(bundle.ranks), dice.choice(bundle.ranks)
    to: RankRule | None = dice.choice([None, None, *bundle.ranks])
    own = dice.random() < 0.1
    moved, today = dice.choice([0, 1, -50, 10_000, 50_001]), dice.choice([0, 50, -49_000])
    if actor.adjust_limit is not None and dice.random() < 0.5:
        moved = actor.adjust_limit - abs(today) + dice.choice([-1, 0, 1])
    above = bundle.second_above
    if dice.random() < 0.4:
        moved = dice.choice([1, -1]) * (above + dice.choice([-1, 0, 1]))
    act = dice.choice([*Act, Act.ADJUST])
    actor_in, target_in = _membership(dice), _membership(dice)
    asked: Question = {
        "ask": "may",
        "act": str(act),
        "actor": actor.name,
        "target": target.name,
        "details": {"own": own, "amount": moved, "adjustedToday": today, "secondAbove": above}
        | {"actorMembership": str(actor_in), "targetMembership": str(target_in)},
        "to": to.name if to else "",
    }
    if dice.random() < 0.2:  # both sides use the same default
        del asked["details"]["secondAbove"]
        above = SECOND_ABOVE
    found = may(
        *(act, actor, target),
        own=own,
        actor_membership=actor_in,
        target_membership=target_in,
        amount=moved,
        adjusted_today=today,
        to=to,
        second_above=above,
    )
    return asked, [found.allowed, found.second, str(found.reason or "")]


def _membership(dice: random.Random) -> MembershipStatus:
    found: MembershipStatus = dice.choice([MembershipStatus.MEMBER] * 3 + [*MembershipStatus])
    return found


def _belonging(dice: random.Random, bundle: Bundle) -> tuple[Question, Any]:
    """Ask who earns and belongs to the group, and whose roles are all ignored."""
    membership, unknown_for = _membership(dice), dice.choice([None, -1, 0, 299, 300, 301])
    roles = dice.sample(["Guest", "Member", "Bot", *bundle.ignored_roles], dice.randrange(3))
    asked: Question = {
        "ask": "belonging",
        "state": str(membership),
        "unknownFor": unknown_for,
        "roles": roles,
    }
    return asked, [
        belongs(membership),
        earns(membership, unknown_for),
        is_ignored(roles, bundle.ignored_roles),
    ]


def _sanction(dice: random.Random, bundle: Bundle) -> tuple[Question, Any]:
    warnings, start = dice.randrange(12), dice.randrange(1_000_000_000, 1_700_000_000)
    moment = dt.datetime.fromtimestamp(start, dt.UTC)
    expires = warning_expires(moment, bundle.punishments)
    return {"ask": "sanction", "warnings": warnings, "start": start}, [
        str(sanction_for(warnings, bundle.punishments)),
        int(suspension_ends(moment, bundle.punishments).timestamp()),
        int(expires.timestamp()) if expires else -1,
    ]


def broken_law(asked: Question, answer: Any, bundle: Bundle) -> str:
    """Return the violation that the server finds in a game's awards, or "".

    One hundredth more than a full award must be a violation, else this is reported too.
    """
    if asked["ask"] == "award":
        return _law_of_award(asked["event"], answer[0], answer[1], bundle)
    if asked["ask"] != "stream":
        return ""
    events, amounts, reasons, total = asked["events"], answer[0], answer[1], answer[2]
    singles = [
        _law_of_award(event, amount, reason, bundle)
        for event, amount, reason in zip(events, amounts, reasons, strict=True)
    ]
    whole = checks.check_total(
        SessionTotal(len(amounts), total, len(amounts), sum(amounts), len(amounts))
    )
    return next(
        filter(None, [*singles, *_laws_of_time(events, amounts, bundle), _detail(whole)]), ""
    )


def _law_of_award(event: dict[str, Any], amount: int, reason: str, bundle: Bundle) -> str:
    at = dt.datetime.fromtimestamp(event["at"], dt.UTC)
    occasion = Occasion(event["type"], at, HERE)
    claim = checks.Claim(occasion, event["magnitude"], amount, event.get("actorLevel"))
    if found := checks.check_award(claim, bundle.points):
        return found.detail
    more = replace(claim, awarded=amount + (1 if amount > 0 else -1))
    edges = (edge for one in bundle.points.multipliers for edge in (one.start, one.end))
    if any(abs(at - edge) <= checks.CLOCKS_DIFFER for edge in edges):
        return ""  # a higher multiplier may be allowed there
    if amount and not reason and not checks.check_award(more, bundle.points):
        return f"{more} breaks no law"
    return ""


def _laws_of_time(
    events: list[dict[str, Any]], amounts: list[int], bundle: Bundle
) -> Iterator[str]:
    days: Counter[dt.date] = Counter()
    weeks: Counter[dt.date] = Counter()
    counted: dict[str, list[dt.datetime]] = {}
    for event, amount in zip(events, amounts, strict=True):
        if amount > 0:
            at = dt.datetime.fromtimestamp(event["at"], dt.UTC)
            days[day_of(at)] += amount
            weeks[week_of(at)] += amount
            counted.setdefault(event["type"], []).append(at)
    yield from (_detail(checks.check_day(sum_, bundle.points)) for sum_ in days.values())
    yield from (_detail(checks.check_week(sum_, bundle.points)) for sum_ in weeks.values())
    for type_, moments in counted.items():
        yield _detail(checks.check_cooldown(type_, moments, bundle.points))


def _detail(violation: checks.Violation | None) -> str:
    return violation.detail if violation else ""
