"""Two ways, one answer: what the portal reads from the database equals what the API says."""

import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devserver.portal import build
from tests.portal import community
from tests.portal.both_ways import Readers
from tests.portal.conftest import Ground, environment, settings_of

PLAYERS = 300
LISTS = [("points", "all"), ("kos", "all"), ("wos", "all")] + [
    (by, period) for by in ("points", "kos", "wos") for period in ("week", "month", "season")
]
SEARCHES = (
    *("s", "Storm_1", "storm_01", "volt", "NewVolt", "Captain 5", "Ana", "nobody of this name"),
    *("<script>", "'", "%", "_", "名前", "9223372036854775807", "9223372036854775808", "00"),
)


@pytest.fixture(scope="module")
def readers(ground: Ground) -> Iterator[Readers]:
    with Readers(settings_of(ground)) as readers:
        yield readers


def _query(by: str = "points", period: str = "all", **changes: Any) -> dict[str, Any]:
    return {"by": by, "period": period, "rank": None, "after": None, "limit": 40} | changes


def _pages(readers: Readers, **query: Any) -> list[dict[str, Any]]:
    """Follow a list to its end. Each page is the same from both sources."""
    lines, after = [], None
    while True:
        page = readers.equal("leaderboard.leaderboardQuestion", _query(**query, after=after))
        assert page is not None
        lines += page["players"]
        after = page["next"]
        if after is None:
            return lines


@pytest.mark.parametrize(("by", "period"), LISTS)
def test_every_page_of_every_list(readers: Readers, by: str, period: str) -> None:
    lines = _pages(readers, by=by, period=period)
    assert len(lines) == len({line["userId"] for line in lines})
    positions = [line["position"] for line in lines]
    assert positions == sorted(positions)


def test_the_leaderboard_has_ties_and_everybody_who_is_listed(readers: Readers) -> None:
    lines = _pages(readers)
    tied = [line for line in lines if line["tied"]]
    assert {line["points"] for line in tied}
    ids = community.user_ids()
    hidden = {
        str(ids[number])
        for numbers in (community.LEFT, community.UNLISTED, community.ERASED)
        for number in numbers
    }
    listed = {line["userId"] for line in lines}
    assert listed == {str(user_id) for user_id in ids} - hidden
    sanctioned = (*community.SUSPENDED, *community.BANNED)
    assert {str(ids[number]) for number in sanctioned} <= listed


def test_closed_periods_are_readable(readers: Readers) -> None:
    for kind in ("week", "month", "season"):
        found = readers.equal("periods.periodsQuestion", kind, None, 30)
        assert found["items"], kind
        # The last period is closed half an hour after its end.
        assert all(period["closedAt"] for period in found["items"][2:4])
        for period in found["items"][1:4]:
            _pages(readers, period=period["key"])
            _pages(readers, period=period["key"], by="kos")


def test_the_players_of_each_rank(readers: Readers) -> None:
    ranks = readers.equal("ranks.ranksQuestion")
    assert sum(rank["players"] for rank in ranks) > 250
    for rank in ranks:
        lines = _pages(readers, rank=rank["slug"])
        assert {line["rankSlug"] for line in lines} <= {rank["slug"]}
    assert readers.equal("leaderboard.leaderboardQuestion", _query(rank="no-such-rank")) is None
    assert readers.equal("leaderboard.leaderboardQuestion", _query(period="1999-W01")) is None


def test_three_hundred_players(readers: Readers) -> None:
    ids = random.Random().sample(community.user_ids(), PLAYERS)
    found = 0
    for user_id in map(str, ids):
        player = readers.equal("player.playerQuestion", user_id, rule=("nextRank",))
        readers.equal("player.seriesQuestion", user_id, 90)
        readers.equal("leaderboard.aroundQuestion", user_id, 3)
        readers.equal("promotions.ofPlayerQuestion", user_id)
        readers.equal("events.ofPlayerQuestion", user_id)
        _history(readers, user_id)
        found += player is not None
    assert found > PLAYERS / 2


def _history(readers: Readers, user_id: str) -> None:
    after = None
    while True:
        page = readers.equal("player.historyQuestion", user_id, after, 20)
        after = page and page["next"]
        if after is None:
            return


@pytest.mark.parametrize("user_id", ["1", "9007199254740993", str(2**63 - 1), str(2**63 - 2)])
def test_ids_keep_every_digit(readers: Readers, user_id: str) -> None:
    player = readers.equal("player.playerQuestion", user_id, rule=("nextRank",))
    assert player["userId"] == user_id


def test_whoever_is_not_listed_is_not_found(readers: Readers) -> None:
    ids = community.user_ids()
    for numbers in (community.LEFT, community.UNLISTED, community.ERASED):
        for user_id in (str(ids[number]) for number in numbers):
            assert readers.equal("player.playerQuestion", user_id) is None
            assert readers.equal("player.historyQuestion", user_id, None, 20) is None
            assert readers.equal("leaderboard.aroundQuestion", user_id, 3) is None


def test_everything_else(readers: Readers) -> None:
    readers.equal("records.recordsQuestion", 10)
    readers.equal("policy.policyQuestion")
    upcoming = readers.equal("events.upcomingQuestion")
    assert {bool(one["host"]) for one in upcoming} == {True, False}
    readers.equal("policy.changesQuestion", None, 10)
    readers.equal("stats.statsQuestion")
    after = None
    while True:
        page = readers.equal("promotions.promotionsQuestion", after, 25)
        after = page["next"]
        if after is None:
            break


@pytest.mark.parametrize("text", SEARCHES)
def test_search(readers: Readers, text: str) -> None:
    after = None
    while True:
        page = readers.equal("search.searchQuestion", text, after, 25)
        after = page["next"]
        if after is None:
            return


def test_the_generated_clients_are_fresh(ground: Ground, tmp_path: Path) -> None:
    """The pulled schema, its client, and the types of the API: `npm run generate` changes none."""
    build.ensure_installed()
    portal = tmp_path / "portal"
    left_out = shutil.ignore_patterns("node_modules", ".next", ".build")
    shutil.copytree(build.FOLDER, portal, ignore=left_out)
    (portal / "node_modules").symlink_to(build.FOLDER / "node_modules")
    ended = subprocess.run(
        ["npm", "run", "--silent", "generate:check"],
        cwd=portal,
        env=environment(
            DATABASE_URL=ground.portal_url,
            OPENAPI=f"{ground.api_url}/openapi.json",
            HOME=str(tmp_path),
        ),
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
