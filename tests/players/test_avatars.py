"""Headshots are looked up in batches by a worker, checked, kept for a day and forgotten."""

import datetime as dt
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from grps_site.http import response_cache
from players import avatars
from players.models import Avatar, Player, Rank
from players.moderation.actors import at_the_shell
from players.privacy.erasure import erase
from roblox import thumbnails
from roblox.emulator.thumbnails import drawn

Make = Callable[..., Player]
PNG = drawn(1)
pytestmark = pytest.mark.usefixtures("bootstrapped")


class Thumbnails:
    """A replacement for Roblox. `states` and `pictures` are by user id; others are Completed."""

    def __init__(self) -> None:
        self.lookups: list[list[int]] = []
        self.status, self.headers = 200, {}  # type: tuple[int, dict[str, str]]
        self.states: dict[int, str] = {}
        self.addresses: dict[int, str] = {}
        self.picture: tuple[int, dict[str, str], bytes] = (200, {}, PNG)
        self.fetched = 0
        self.url = ""

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        if not path.startswith(thumbnails.PATH):
            self.fetched += 1
            return self.picture
        ids = [int(one) for one in parse_qs(urlsplit(path).query)["userIds"][0].split(",")]
        self.lookups.append(ids)
        rows = [
            {
                "targetId": one,
                "state": self.states.get(one, "Completed"),
                "imageUrl": self.addresses.get(one, f"{self.url}/headshots/{one}"),
            }
            for one in ids
            if self.states.get(one) != "missing"
        ]
        return self.status, self.headers, json.dumps({"data": rows}).encode()


@pytest.fixture
def roblox(settings: Any) -> Iterator[Thumbnails]:
    site = Thumbnails()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = site.answer(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    settings.AVATARS, settings.THUMBNAILS_URL = True, site.url
    yield site
    server.shutdown()
    server.server_close()


@pytest.fixture
def player() -> Make:
    """Return a function that creates a member."""

    def player(user_id: int, listed: bool = True) -> Player:
        now = timezone.now()
        return Player.objects.create(
            user_id=user_id,
            username=f"citizen_{user_id}",
            rank=Rank.objects.get(name="Initiate"),
            rank_since=now,
            named_at=now,
            member="member",
            listed=listed,
        )

    return player


def ask(client: Client, user_id: int = 1, **headers: str) -> Any:
    return client.get(f"/players/{user_id}/avatar?n={time.monotonic_ns()}", headers=headers)


def asked(client: Client, player: Make, *user_ids: int) -> None:
    for user_id in user_ids:
        player(user_id)
        assert ask(client, user_id).status_code == 404


def test_it_is_there_after_the_worker_fetched_it(
    client: Client, player: Make, roblox: Thumbnails
) -> None:
    asked(client, player, 1)
    assert roblox.lookups == [], "a request does not wait for Roblox"
    assert avatars.fetch_due() == 1
    answer = ask(client)
    assert (answer.status_code, answer.content) == (200, PNG)
    assert answer["Content-Type"] == "image/png"
    again = ask(client, **{"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_many_players_are_one_call(client: Client, player: Make, roblox: Thumbnails) -> None:
    asked(client, player, *range(1, 8))
    assert avatars.fetch_due() == 7
    assert [sorted(ids) for ids in roblox.lookups] == [list(range(1, 8))]
    assert avatars.fetch_due() == 0
    assert len(roblox.lookups) == 1


def test_off_means_no_picture_and_no_call(
    client: Client, player: Make, roblox: Thumbnails, settings: Any
) -> None:
    asked(client, player, 1)
    avatars.fetch_due()
    settings.AVATARS = False
    assert ask(client).status_code == 404
    assert avatars.fetch_due() == 0
    assert not Avatar.objects.exists()


def test_only_listed_players_have_one(client: Client, player: Make, roblox: Thumbnails) -> None:
    asked(client, player, 1)
    avatars.fetch_due()
    Player.objects.filter(user_id=1).update(listed=False)
    player(2, listed=False)
    assert [ask(client, one).status_code for one in (1, 2, 77)] == [404, 404, 404]
    assert Avatar.objects.count() == 1


@pytest.mark.parametrize("state", ["Blocked", "Error", "InReview", "missing"])
def test_a_refused_picture_is_not_asked_for_again_that_day(
    client: Client, player: Make, roblox: Thumbnails, state: str
) -> None:
    roblox.states = {1: state}
    asked(client, player, 1)
    assert avatars.fetch_due() == 0
    assert ask(client).status_code == 404
    assert avatars.fetch_due() == 0
    assert len(roblox.lookups) == 1
    Avatar.objects.update(checked_at=timezone.now() - dt.timedelta(hours=25))
    roblox.states = {}
    assert ask(client).status_code == 404
    assert avatars.fetch_due() == 1


def test_a_pending_picture_is_asked_for_again_soon(
    client: Client, player: Make, roblox: Thumbnails
) -> None:
    roblox.states = {1: "Pending"}
    asked(client, player, 1)
    assert avatars.fetch_due() == 0
    assert avatars.fetch_due() == 0, "not at once"
    assert len(roblox.lookups) == 1
    roblox.states = {}
    Avatar.objects.update(due_at=timezone.now())
    assert avatars.fetch_due() == 1


def test_a_picture_that_stays_pending_is_given_up_for_the_day(
    client: Client, player: Make, roblox: Thumbnails
) -> None:
    roblox.states = {1: "Pending"}
    asked(client, player, 1)
    for _ in range(avatars.MOST_ATTEMPTS):
        Avatar.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
        avatars.fetch_due()
    assert Avatar.objects.get().due_at is None


def test_an_old_picture_is_shown_until_the_new_one_is_there(
    client: Client, player: Make, roblox: Thumbnails
) -> None:
    asked(client, player, 1)
    avatars.fetch_due()
    Avatar.objects.update(checked_at=timezone.now() - dt.timedelta(hours=25))
    roblox.picture = (200, {}, drawn(2))
    assert ask(client).content == PNG
    assert avatars.fetch_due() == 1
    assert ask(client).content == drawn(2)


def test_what_nobody_asks_for_is_deleted(client: Client, player: Make, roblox: Thumbnails) -> None:
    asked(client, player, 1)
    avatars.fetch_due()
    Avatar.objects.update(checked_at=timezone.now() - dt.timedelta(hours=49))
    avatars.fetch_due()
    assert not Avatar.objects.exists()


def test_a_refusal_of_roblox_is_obeyed(client: Client, player: Make, roblox: Thumbnails) -> None:
    roblox.status, roblox.headers = 429, {"Retry-After": "90"}
    asked(client, player, 1)
    assert avatars.fetch_due() == 0
    due = Avatar.objects.get().due_at
    assert due is not None
    assert 80 < (due - timezone.now()).total_seconds() < 91
    assert avatars.fetch_due() == 0
    assert len(roblox.lookups) == 1


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://tr.rbxcdn.com/1",
        "https://tr.rbxcdn.com.evil.example/1",
        "https://evilrbxcdn.com/1",
        "https://user@tr.rbxcdn.com/1",
        "https://tr.rbxcdn.com:8443/1",
        "file:///etc/passwd",
        "https://[",
    ],
)
def test_only_roblox_s_image_hosts_are_asked(
    client: Client, player: Make, roblox: Thumbnails, address: str
) -> None:
    roblox.addresses = {1: address}
    asked(client, player, 1)
    assert avatars.fetch_due() == 0
    assert (roblox.fetched, ask(client).status_code) == (0, 404)


def test_an_image_host_inside_our_network_is_refused(
    client: Client, player: Make, roblox: Thumbnails, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [(2, 1, 6, "", ("10.0.0.7", 443))]
    monkeypatch.setattr(thumbnails.socket, "getaddrinfo", lambda *_, **__: found)
    with (
        thumbnails.connections() as pool,
        pytest.raises(thumbnails.BadPicture, match=r"10\.0\.0\.7"),
    ):
        thumbnails.fetch(pool, "https://tr.rbxcdn.com/1")


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, {"Content-Type": "image/png"}, b"<script>alert(1)</script>"),
        (200, {}, b""),
        (200, {}, PNG + b"x" * thumbnails.LARGEST),
    ],
)
def test_what_is_no_picture_is_not_kept(
    client: Client,
    player: Make,
    roblox: Thumbnails,
    status: int,
    headers: dict[str, str],
    body: bytes,
) -> None:
    roblox.picture = (status, headers, body)
    asked(client, player, 1)
    assert avatars.fetch_due() == 0
    assert Avatar.objects.get().image is None


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_redirect_or_an_error_is_tried_again_later(
    client: Client, player: Make, roblox: Thumbnails, status: int
) -> None:
    roblox.picture = (status, {"Location": f"{roblox.url}/elsewhere"}, b"")
    asked(client, player, 1)
    assert avatars.fetch_due() == 0
    assert roblox.fetched == 1, "it is not followed"
    roblox.picture = (200, {}, PNG)
    Avatar.objects.update(due_at=timezone.now())
    assert avatars.fetch_due() == 1


def test_a_missing_picture_does_not_hold_up_the_others(
    client: Client, player: Make, roblox: Thumbnails
) -> None:
    asked(client, player, 1)
    roblox.picture = (404, {}, b"")
    asked(client, player, 2)
    assert avatars.fetch_due() == 0
    assert roblox.fetched == 2


def test_a_webp_is_served_as_one(client: Client, player: Make, roblox: Thumbnails) -> None:
    roblox.picture = (200, {}, b"RIFF\x10\0\0\0WEBPVP8 ....")
    asked(client, player, 1)
    avatars.fetch_due()
    assert ask(client)["Content-Type"] == "image/webp"


def test_an_erased_person_s_picture_is_gone(
    client: Client, player: Make, roblox: Thumbnails
) -> None:
    asked(client, player, 1)
    avatars.fetch_due()
    erase(1, by=at_the_shell(), reason="an order", now=timezone.now())
    assert not Avatar.objects.exists()
    assert ask(client).status_code == 404


def test_a_picture_that_arrives_after_the_erasure_is_not_kept(
    client: Client, player: Make, roblox: Thumbnails
) -> None:
    asked(client, player, 1)
    claimed = avatars._claim()
    erase(1, by=at_the_shell(), reason="an order", now=timezone.now())
    assert avatars._fetch(claimed, thumbnails.lookup([1])) == 0
    assert not Avatar.objects.exists()


def test_the_cache_takes_no_more_than_a_second(
    client: Client, player: Make, roblox: Thumbnails
) -> None:
    asked(client, player, 1)
    avatars.fetch_due()
    assert ask(client)["Cache-Control"] == response_cache.CACHE_CONTROL
