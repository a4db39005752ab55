"""Signed reads are not counted by address, and a signed call may be made for a visitor."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from grps_site.http import signed_calls, throttling
from grps_site.http.request_signing import SignedCall, sign, signature
from grps_site.models import Nonce
from tests.grps_site.http.test_turnstile import Receiver, cloudflare

SECRET = "a secret of the tests, long enough"
VISITOR = "203.0.113.7"

__all__ = ["cloudflare"]
pytestmark = pytest.mark.usefixtures("bootstrapped")


@pytest.fixture(autouse=True)
def _limits(settings: Any) -> Iterator[None]:
    settings.AUTOMATION_SIGNATURE_SECRET = SECRET
    settings.AUTOMATION_SIGNATURE_SECRET_PREVIOUS = ""
    settings.THROTTLE_PUBLIC_PER_MINUTE, settings.THROTTLE_WRITE_PER_MINUTE = 3, 2
    # Without Valkey: counts of other tests in this minute stay away.
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    throttling._leases.clear()
    throttling._client = None
    signed_calls._seen.clear()
    yield
    throttling._leases.clear()
    throttling._client = None
    throttling._valkey_down_until = 0.0


def signed(target: str, **changes: Any) -> dict[str, str]:
    return sign(SECRET, "GET", target, **changes)


def for_visitor(
    method: str, target: str, body: bytes = b"", visitor: str = VISITOR
) -> dict[str, str]:
    timestamp, nonce = str(int(time.time())), f"nonce-of-the-tests-{time.monotonic_ns()}"
    message = SignedCall(method, target, body, visitor).message(timestamp, nonce)
    return {
        "x-grps-timestamp": timestamp,
        "x-grps-nonce": nonce,
        "x-grps-signature": f"v1={signature(SECRET, message)}",
        "x-grps-visitor": visitor,
    }


def verify(client: Client, headers: dict[str, str], body: bytes = b'{"token": "x"}') -> int:
    answer = client.post(
        "/turnstile/verify", body, content_type="application/json", headers=headers
    )
    return answer.status_code


def test_a_signed_read_is_not_counted(client: Client) -> None:
    assert {client.get("/ranks", headers=signed("/ranks")).status_code for _ in range(9)} == {200}
    assert not Nonce.objects.exists()
    assert [client.get("/ranks").status_code for _ in range(4)] == [200, 200, 200, 429]


def test_a_signature_of_another_address_is_an_anonymous_read(client: Client) -> None:
    answers = [client.get("/ranks", headers=signed("/leaderboard/top")) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]


@pytest.mark.parametrize(
    "change",
    [{"x-grps-signature": "v1=" + "0" * 64}, {"x-grps-nonce": "short"}, {"x-grps-timestamp": "x"}],
)
def test_a_forged_signature_is_an_anonymous_read(client: Client, change: dict[str, str]) -> None:
    answers = [client.get("/ranks", headers=signed("/ranks") | change) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]


def test_a_stale_signature_is_an_anonymous_read(client: Client) -> None:
    late = [signed("/ranks", now=time.time() - 400) for _ in range(4)]
    statuses = [client.get("/ranks", headers=headers).status_code for headers in late]
    assert statuses == [200, 200, 200, 429]


def test_a_repeated_signature_counts_as_anonymous(client: Client) -> None:
    headers = signed("/ranks")
    statuses = [client.get("/ranks", headers=headers).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 200, 429]


def test_a_process_remembers_a_bounded_number_of_nonces(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signed_calls, "MAX_SEEN", 5)
    for _ in range(20):
        assert client.get("/ranks", headers=signed("/ranks")).status_code == 200
    assert len(signed_calls._seen) == 5


def test_without_a_secret_a_signed_read_is_anonymous(client: Client, settings: Any) -> None:
    settings.AUTOMATION_SIGNATURE_SECRET = ""
    statuses = [client.get("/ranks", headers=signed("/ranks")).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]


def test_writes_are_counted_by_the_visitor(client: Client) -> None:
    body = b'{"token": "x"}'
    target = "/turnstile/verify"
    first = [verify(client, for_visitor("POST", target, body)) for _ in range(3)]
    assert first == [200, 200, 429]
    other = for_visitor("POST", target, body, "2001:db8::7")
    assert verify(client, other) == 200
    assert verify(client, {}) == 200, "the portal's own address was not counted"


def test_a_visitor_s_port_is_left_out(client: Client) -> None:
    target, body = "/turnstile/verify", b'{"token": "x"}'
    ways = ("203.0.113.8:1", "203.0.113.8:2", "::ffff:203.0.113.8")
    first = [verify(client, for_visitor("POST", target, body, one)) for one in ways]
    assert first == [200, 200, 429]


def test_turnstile_is_given_the_visitor_s_address(
    client: Client, cloudflare: type[Receiver]
) -> None:
    body = b'{"token": "x"}'
    assert verify(client, for_visitor("POST", "/turnstile/verify", body)) == 200
    appeal = json.dumps({"userId": 1, "case": "K" * 12, "text": "It was not me at all"}).encode()
    headers = for_visitor("POST", "/appeals", appeal) | {"cf-turnstile-response": "token"}
    answer = client.post("/appeals", appeal, content_type="application/json", headers=headers)
    assert answer.status_code == 400, answer.content
    assert [asked["remoteip"] for asked in cloudflare.asked] == [[VISITOR], [VISITOR]]


@pytest.mark.parametrize(
    "change",
    [
        {"x-grps-visitor": "203.0.113.8"},
        {"x-grps-signature": "v1=" + "0" * 64},
        {"x-grps-timestamp": "1"},
    ],
)
def test_a_visitor_that_is_not_signed_is_refused(client: Client, change: dict[str, str]) -> None:
    headers = for_visitor("POST", "/turnstile/verify", b'{"token": "x"}') | change
    assert verify(client, headers) == 401
    assert not Nonce.objects.exists()


def test_a_visitor_without_a_signature_is_refused(client: Client) -> None:
    assert verify(client, {"x-grps-visitor": VISITOR}) == 401


def test_a_signature_without_its_visitor_is_refused_by_a_signed_call(client: Client) -> None:
    target, body = "/automation/decisions", b'{"userId": 4000000001, "apply": false, "reason": "x"}'
    headers = for_visitor("POST", target, body)
    kept = {name: headers[name] for name in headers if name != "x-grps-visitor"}
    answer = client.post(target, body, content_type="application/json", headers=kept)
    assert answer.status_code == 401
    answer = client.post(target, body, content_type="application/json", headers=headers)
    assert answer.status_code == 404, "authenticated; no player has this user id"


def test_a_write_for_a_visitor_is_accepted_once(client: Client) -> None:
    headers = for_visitor("POST", "/turnstile/verify", b'{"token": "x"}')
    assert [verify(client, headers) for _ in range(2)] == [200, 401]


def test_a_visitor_that_is_no_address_is_refused(client: Client) -> None:
    headers = for_visitor("POST", "/turnstile/verify", b'{"token": "x"}', "somebody")
    assert verify(client, headers) == 401


def test_reads_that_are_not_cached_are_counted_by_the_visitor(client: Client) -> None:
    target = "/appeals/" + "a" * 40
    statuses = [
        client.get(target, headers=for_visitor("GET", target)).status_code for _ in range(4)
    ]
    assert statuses == [404, 404, 404, 429]
    assert client.get(target).status_code == 404
