"""Every body gets a problem document as its error, and never a 500."""

import json
import os
from collections.abc import Callable

import httpx
import pytest

from grps_site.http import request_signing
from roblox import keys
from roblox.models import Experience
from tests.conftest import TESTER, Live

MEGABYTE = 1_048_576


PATHS = ["/roblox/events", "/automation/decisions", "/turnstile/verify"]
Send = Callable[..., httpx.Response]


def batch(events: object) -> bytes:
    return json.dumps({"server": {"placeId": 1, "jobId": "j"}, "events": events}).encode()


HOSTILE = {
    "empty": b"",
    "not JSON": b"hello",
    "cut off": b'{"token": "x',
    "two documents": b"{}{}",
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "NaN": b'{"token": NaN, "userId": NaN, "server": NaN}',
    "Infinity": b'{"token": Infinity, "userId": Infinity, "server": Infinity}',
    "a float out of range": b'{"token": 1e999, "userId": 1e999, "server": 1e999}',
    "a number of 5,000 digits": b'{"token": %s, "userId": %s, "server": 1}'
    % (b"9" * 5000, b"9" * 5000),
    "not UTF-8": b'{"token": "\xff\xfe", "server": "\xff"}',
    "a lone surrogate": rb'{"token": "\ud800", "reason": "\udfff", "server": "\ud800"}',
    "a NUL character": rb'{"token": "a\u0000b", "userId": 1, "apply": true, "reason": "\u0000", "server": 1}',
    "a NUL in a name": rb'{"a\u0000b": 1, "server": 1}',
    "nested 900 deep": b'{"token":' * 900 + b"1" + b"}" * 900,
    "nested 5,000 deep": b'{"token":' * 5_000 + rb'"\u0000"' + b"}" * 5_000,
    "nested 100,000 deep": b"[" * 100_000,
    "lists nested in an item": batch([json.loads("[" * 900 + "]" * 900)])[:-1],
    "wrong types": b'{"token": {"a": 1}, "userId": "x", "apply": 1, "reason": [], "server": {}, "events": 1}',
    "10,000 items": batch([{}] * 3_000 + [1] * 7_000),
}


@pytest.fixture
def send(live: Live) -> Send:
    raw = keys.create(Experience.objects.get(key="nexus"), actor=TESTER)[1]

    def send(path: str, body: bytes, content_type: str = "application/json") -> httpx.Response:
        headers = {"Content-Type": content_type, "x-grps-api-key": raw}
        headers |= request_signing.sign(
            os.environ["AUTOMATION_SIGNATURE_SECRET"], "POST", path, body
        )
        return live.http.post(path, content=body, headers=headers)

    return send


def is_problem(response: httpx.Response, *statuses: int) -> bool:
    assert response.status_code in statuses, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    body = response.json()
    assert {"type", "title", "status", "detail", "requestId"} <= set(body)
    assert (body["status"], body["requestId"]) == (
        response.status_code,
        response.headers["X-Request-ID"],
    )
    return True


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", PATHS)
def test_a_hostile_body_is_a_problem_of_the_sender(send: Send, path: str) -> None:
    for name, body in HOSTILE.items():
        assert is_problem(send(path, body), 400), name


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", PATHS)
def test_a_body_over_a_megabyte_is_refused(send: Send, path: str) -> None:
    assert is_problem(send(path, b" " * MEGABYTE + b"{"), 413)
    assert is_problem(send(path, b" " * (MEGABYTE - 1) + b"{"), 400)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("megabytes", [2, 12])
def test_a_connection_outlives_a_refused_body(send: Send, path: str, megabytes: int) -> None:
    for _ in range(3):
        assert is_problem(send(path, b" " * megabytes * MEGABYTE), 413)
        assert is_problem(send(path, b"{"), 400)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_a_body_that_is_not_declared_as_json_is_refused(
    send: Send, path: str, content_type: str
) -> None:
    assert is_problem(send(path, b"{}", content_type), 415)


@pytest.mark.django_db(transaction=True)
def test_a_charset_in_the_content_type_is_accepted(send: Send) -> None:
    answer = send("/roblox/events", batch([]), "application/json; charset=utf-8")
    assert answer.status_code == 200, answer.text


@pytest.mark.django_db(transaction=True)
def test_a_nul_is_named_with_its_place(send: Send) -> None:
    body = rb'{"userId": 1, "apply": false, "reason": "a\u0000b"}'
    assert "reason" in send("/automation/decisions", body).json()["detail"]
