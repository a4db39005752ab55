import http.server
import json
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from tests.conftest import free_port

pytestmark = pytest.mark.django_db
Answer = tuple[int, bytes]


class Receiver(http.server.BaseHTTPRequestHandler):
    """A replacement for Cloudflare that stores requests and answers as the test says."""

    asked: list[dict[str, list[str]]]
    answer: Answer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).asked.append(urllib.parse.parse_qs(body.decode()))
        status, content = type(self).answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def cloudflare(settings: Any) -> Iterator[type[Receiver]]:
    Receiver.asked, Receiver.answer = (
        [],
        (200, b'{"success": true, "hostname": "portal.example.org"}'),
    )
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    settings.TURNSTILE_SECRET = "the site's secret"
    settings.TURNSTILE_HOSTNAMES = ["portal.example.org"]
    settings.TURNSTILE_VERIFY_URL = f"http://127.0.0.1:{server.server_port}/siteverify"
    yield Receiver
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def verify(client: Client) -> Callable[[str], dict[str, Any]]:
    def verify(token: str) -> dict[str, Any]:
        answer = client.post("/turnstile/verify", {"token": token}, content_type="application/json")
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found

    return verify


Verify = Callable[[str], dict[str, Any]]


def test_a_good_token_is_valid(cloudflare: type[Receiver], verify: Verify) -> None:
    assert verify("a token") == {"valid": True, "errors": []}
    assert cloudflare.asked == [
        {"secret": ["the site's secret"], "response": ["a token"], "remoteip": ["127.0.0.1"]}
    ]


def test_a_refused_token_says_why(cloudflare: type[Receiver], verify: Verify) -> None:
    cloudflare.answer = 200, b'{"success": false, "error-codes": ["timeout-or-duplicate"]}'
    assert verify("a token") == {"valid": False, "errors": ["timeout-or-duplicate"]}


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"<html>busy</html>"),
        (200, b"[]"),
        (200, b'{"success": "yes"}'),
        (200, b"\xff\xfe"),
        (200, b'"\xff"'),
        (500, b""),
        (200, json.dumps({"hostname": "portal.example.org"}).encode()),
    ],
)
def test_an_answer_that_cannot_be_read_lets_nobody_in(
    cloudflare: type[Receiver], verify: Verify, answer: Answer
) -> None:
    cloudflare.answer = answer
    assert verify("a token") == {"valid": False, "errors": ["unreachable"]}


@pytest.mark.parametrize("hostname", ["evil.example", ""])
def test_a_token_of_another_site_lets_nobody_in(
    cloudflare: type[Receiver], verify: Verify, hostname: str
) -> None:
    cloudflare.answer = 200, json.dumps({"success": True, "hostname": hostname}).encode()
    assert verify("a token") == {"valid": False, "errors": ["wrong-hostname"]}


def test_nobody_at_the_other_end_lets_nobody_in(
    settings: Any, cloudflare: type[Receiver], verify: Verify
) -> None:
    settings.TURNSTILE_VERIFY_URL = f"http://127.0.0.1:{free_port()}/siteverify"
    assert verify("a token") == {"valid": False, "errors": ["unreachable"]}


def test_without_a_secret_nobody_is_asked_and_nobody_let_in(
    settings: Any, cloudflare: type[Receiver], verify: Verify
) -> None:
    settings.TURNSTILE_SECRET = ""
    assert verify("a token") == {"valid": False, "errors": ["not-configured"]}
    assert cloudflare.asked == []


def test_a_token_longer_than_any_is_not_passed_on(
    cloudflare: type[Receiver], verify: Verify
) -> None:
    assert verify("x" * 2049)["valid"] is False
    assert cloudflare.asked == []


@pytest.mark.parametrize(
    "body", [{}, {"token": 1}, {"token": None}, {"token": "x", "secret": "mine"}]
)
def test_a_body_of_another_shape_is_refused(client: Client, body: dict[str, Any]) -> None:
    assert (
        client.post("/turnstile/verify", body, content_type="application/json").status_code == 400
    )
