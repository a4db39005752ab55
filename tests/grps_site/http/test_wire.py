"""Bodies and heads as they arrive on the wire, sent through real sockets."""

import gzip
import json
import socket
import zlib
from urllib.parse import urlsplit

import pytest

from roblox import keys
from roblox.models import Experience
from tests.conftest import TESTER, Live, events

pytestmark = pytest.mark.django_db(transaction=True)
MEGABYTE = 1_048_576
BATCH = json.dumps(events(7)).encode()


def exchange(live: Live, raw: bytes) -> bytes:
    """Send bytes, and read until the server closes."""
    address = urlsplit(live.url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(raw)
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
    return answer


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def detail(answer: bytes) -> str:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head, answer
    return str(json.loads(body)["detail"])


def head(path: str, *headers: str, method: str = "POST", version: str = "1.1") -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "Connection: close", *headers]
    if not any(line.startswith("Host:") for line in headers):
        lines.append("Host: localhost")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


@pytest.fixture
def key(live: Live) -> str:
    return "x-grps-api-key: " + keys.create(Experience.objects.get(key="nexus"), actor=TESTER)[1]


def batch_head(key: str, *headers: str, version: str = "1.1") -> bytes:
    return head("/roblox/events", key, "Content-Type: application/json", *headers, version=version)


def chunks(*pieces: bytes, trailers: bytes = b"") -> bytes:
    sent = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return sent + b"0\r\n" + trailers + b"\r\n"


def test_a_chunked_batch_is_read_completely(live: Live, key: str) -> None:
    pieces = [BATCH[start : start + 50] for start in range(0, len(BATCH), 50)]
    answer = exchange(live, batch_head(key, "Transfer-Encoding: chunked") + chunks(*pieces))
    assert status(answer) == 200, answer
    assert b'"userId":7' in answer


def test_a_chunked_body_over_the_limit_is_refused(live: Live, key: str) -> None:
    body = chunks(*[b" " * 65_536] * 17)
    assert status(exchange(live, batch_head(key, "Transfer-Encoding: chunked") + body)) == 413


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(BATCH)),
        ("deflate", zlib.compress(BATCH)),
        ("br", b"x"),
        ("identity, gzip", b"x"),
    ],
)
def test_a_compressed_body_is_415_and_says_so(
    live: Live, key: str, coding: str, body: bytes
) -> None:
    headers = (f"Content-Encoding: {coding}", f"Content-Length: {len(body)}")
    answer = exchange(live, batch_head(key, *headers) + body)
    assert status(answer) == 415
    assert "without a Content-Encoding" in detail(answer)
    assert b"accept-encoding: identity" in answer


def test_identity_is_no_compression(live: Live, key: str) -> None:
    headers = ("Content-Encoding: Identity", f"Content-Length: {len(BATCH)}")
    assert status(exchange(live, batch_head(key, *headers) + BATCH)) == 200


LENGTH = f"Content-Length: {len(BATCH)}"
AMBIGUOUS = {
    "length and chunks": [LENGTH, "Transfer-Encoding: chunked"],
    "chunks and length": ["Transfer-Encoding: chunked", LENGTH],
    "two lengths": [LENGTH, "Content-Length: 3"],
    "a list of lengths": [f"{LENGTH}, {len(BATCH)}"],
    "a signed length": [LENGTH.replace(": ", ": +")],
    "two codings": ["Transfer-Encoding: gzip, chunked"],
    "chunked twice": ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
    "chunked in the middle": ["Transfer-Encoding: chunked, identity"],
    "an unknown coding": ["Transfer-Encoding: xchunked"],
    "a space before the colon": ["Transfer-Encoding : chunked"],
    "a folded line": ["Transfer-Encoding:\r\n chunked", LENGTH],
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_a_body_with_an_ambiguous_end_is_refused(live: Live, key: str, name: str) -> None:
    answer = exchange(live, batch_head(key, *AMBIGUOUS[name]) + chunks(BATCH))
    assert status(answer) == 400, answer
    assert answer.count(b"HTTP/1.1") == 1


def test_chunks_do_not_exist_in_http_1_0(live: Live, key: str) -> None:
    raw = batch_head(key, "Transfer-Encoding: chunked", version="1.0") + chunks(BATCH)
    assert status(exchange(live, raw)) == 400


def test_a_trailer_is_not_a_header(live: Live, key: str) -> None:
    raw = head("/roblox/events", "Content-Type: application/json", "Transfer-Encoding: chunked")
    answer = exchange(live, raw + chunks(BATCH, trailers=key.encode() + b"\r\n"))
    assert status(answer) == 401


@pytest.mark.parametrize("host", ["10.1.2.3", "10.1.2.3:8000", "[fd00::1]", "[fd00::1]:8000"])
def test_a_load_balancer_may_ask_for_the_health_by_ip(live: Live, host: str) -> None:
    def ask(path: str) -> bytes:
        return exchange(live, head(path, f"Host: {host}", method="GET"))

    assert status(ask("/health/live")) == 200
    assert status(ask("/health/ready")) in {200, 503}
    assert status(ask("/metrics")) in {200, 401, 403}
    for path in ("/ranks", "/metrics/health", "/admin/", "/healthy"):
        answer = ask(path)
        assert status(answer) == 400
        assert "ALLOWED_HOSTS" in detail(answer)


def test_a_request_without_a_host_may_ask_for_the_health(live: Live) -> None:
    assert status(exchange(live, b"GET /health/live HTTP/1.0\r\n\r\n")) == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost,evil.example", "a b", "", "@"])
def test_health_is_not_for_other_names(live: Live, host: str) -> None:
    assert status(exchange(live, head("/health/live", f"Host: {host}", method="GET"))) in (
        {200} if not host else {400}
    )


def test_two_hosts_are_refused(live: Live) -> None:
    raw = head("/ranks", "Host: localhost", "Host: evil.example", method="GET")
    assert status(exchange(live, raw)) == 400
