"""The addresses of the portal's pages, with their states."""

from collections.abc import Iterable
from pathlib import Path

from common.environment import BASE_DIR
from tests.portal import community

PAGES = BASE_DIR / "portal" / "src" / "app" / "[locale]"
WITHOUT_PARAMETERS = (
    "/",
    "/about",
    "/appeal",
    "/compare",
    "/leaderboard",
    "/leaderboard/periods",
    "/leaderboard/rules",
    "/policy",
    "/policy/changes",
    "/privacy",
    "/promotions",
    "/ranks",
    "/records",
    "/search",
    "/status",
    "/terms",
)
# Addresses below these show one rank, player or appeal.
WITH_PARAMETERS = ("/appeal/[token]", "/players/[userId]", "/ranks/[slug]", "/[...rest]")


def pages() -> set[str]:
    """Return the path of every page.tsx below the language's folder."""
    folders = (file.parent.relative_to(PAGES) for file in PAGES.rglob("page.tsx"))
    return {"/" if folder == Path() else f"/{folder.as_posix()}" for folder in folders}


def addresses() -> list[str]:
    """Return every page, in each of its states."""
    return [*WITHOUT_PARAMETERS, *states(), *(f"/players/{one}" for one in players())]


def states() -> Iterable[str]:
    first, second = community.user_ids()[100:102]
    return (
        "/leaderboard?by=kos",
        "/leaderboard?by=wos&period=month",
        "/leaderboard?period=week",
        "/leaderboard?rank=initiate",
        f"/compare?a={first}&b={second}",
        f"/compare?a={first}&b=404",
        "/ranks/captain-i",
        "/search?q=storm",
        "/search?q=nobody+of+this+name",
        "/appeal/no-such-answer",
        "/no/such/page",
        "/players/404404404404",
        "/ranks/no-such-rank",
        "/de/leaderboard",
    )


def players() -> list[int]:
    """Return players with hostile names, extreme ids and every special case."""
    ids = community.user_ids()
    special = (*range(len(community.HOSTILE_NAMES)), community.SUSPENDED[0], community.WARNED[0])
    return [*(ids[number] for number in special), ids[-1], ids[95], ids[200]]
