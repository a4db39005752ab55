"""The console's pages with a million players, compared with a plain list of the admin."""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from bench.load import Connection, get
from bench.results import Result

if TYPE_CHECKING:
    from django.test import Client

COOKIE = "grps-session"
PAGES = (
    "/admin/",
    "/admin/players/",
    "/admin/players/?q=player_12",
    "/admin/players/?rank=Initiate",
    "/admin/players/?sort=points",
    "/admin/players/{user_id}/",
    "/admin/players/{user_id}/explain/",
    "/admin/players/ledgerentry/",
    "/admin/players/decision/",
    "/admin/audit/",
    "/admin/audit/?actor=nexus",
    "/admin/audit/?to=player_77",
    "/admin/audit/?action=player.warned",
    "/admin/audit/seals/",
    "/admin/policy/1/",
    "/admin/approvals/",
    "/admin/appeals/",
    "/admin/bulk/",
    "/admin/adjustments/",
    "/admin/sync/",
    "/admin/experiences/",
    "/admin/webhooks/webhookendpoint/",
    "/admin/access/",
    "/admin/system/",
    "/admin/palette/?q=player_12",
)


def console(
    port: int, compare: Callable[[Callable[[], float], Callable[[], float]], tuple[float, float]]
) -> Iterator[Result]:
    """Compare pages with the list of ranks, which has the same frame and session but few rows."""
    client, user_id = _signed_in()
    cookie = f"{COOKIE}={client.cookies[COOKIE].value}"
    connection = Connection(port)

    def seconds(path: str) -> float:
        started = time.perf_counter()
        status, body = connection.send(get(path, {"Cookie": cookie}))
        if status != 200:
            raise RuntimeError(f"{path}: {status} {body[:300]!r}")
        return time.perf_counter() - started

    bare = "/admin/players/rank/"
    for name, path in (("queue", "/admin/"), ("case file", f"/admin/players/{user_id}/")):
        for _ in range(5):
            seconds(path), seconds(bare)
        ours, theirs = compare(lambda path=path: seconds(path), lambda: seconds(bare))  # type: ignore[misc]
        yield Result(f"console: {name} / bare admin page (time)", ours / theirs, 3, "lower")
    pages = [page.format(user_id=user_id) for page in PAGES]
    slowest = max(min(seconds(page) for _ in range(5)) for page in pages)
    quickest = min(seconds(bare) for _ in range(5))
    yield Result(
        "console: slowest of the pages / bare admin page (time)", slowest / quickest, 5, "lower"
    )
    most = max(_queries(client, page) for page in pages)
    yield Result("console: most queries of a page", most, 25, "lower")


def _queries(client: "Client", page: str) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        answer = client.get(page, headers={"host": "127.0.0.1"})
    if answer.status_code != 200:
        raise RuntimeError(f"{page}: {answer.status_code}")
    return len(queries)


def _signed_in() -> tuple["Client", int]:
    """Return a browser signed in as a local owner, and the user id of a player with a history."""
    from django.contrib.auth.models import User
    from django.test import Client
    from django.utils import timezone

    from console.management.commands.staff import make_local_owner
    from players.discipline import notes, sanctions
    from players.models import Player
    from players.moderation.actors import at_the_shell
    from players.moderation.command import Command
    from players.points import adjustments

    make_local_owner("bench", "a password of the bench")
    client = Client()
    client.force_login(
        User.objects.get(username="bench"), backend="console.accounts.backends.SignInBackend"
    )
    player = Player.objects.filter(erased_at=None).order_by("pk")[1000]
    common: dict[str, Any] = {"by": at_the_shell(), "now": timezone.now()}
    for number in range(20):
        notes.write(player.user_id, f"note {number}", Command(**common))
        adjustments.adjust(
            player.user_id, 100 if number % 2 else -100, Command(reason="bench", **common)
        )
    if not player.banned:
        sanctions.warn(player.user_id, Command(reason="bench", **common))
    return client, player.user_id
