"""Every documented error of Roblox becomes one kind, with an action and a sentence for staff."""

import json
from typing import Any

import httpx
import pytest

from roblox.open_cloud.errors import RetryDecision, refused
from roblox.open_cloud.operations import ASSIGN_ROLE, GET_ENTRY


def error(status: int, body: Any, **headers: str) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return refused(GET_ENTRY, status, raw, httpx.Headers(headers))


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ({"code": "NOT_FOUND", "message": "No entry.", "details": []}, "NOT_FOUND", "No entry."),
        ({"errors": [{"code": 0, "message": "Invalid API Key"}]}, "0", "Invalid API Key"),
        (
            {
                "error": "NOT_FOUND",
                "message": "Gone.",
                "errorDetails": [{"datastoreErrorCode": "X"}],
            },
            "NOT_FOUND",
            "Gone.",
        ),
        (
            {"errors": {"limit": ["too large"]}, "title": "Wrong", "status": 400},
            "INVALID_ARGUMENT",
            "limit: too large",
        ),
        (b"<html>Bad Gateway</html>", "", "<html>Bad Gateway</html>"),
        (b"\xff\xfe", "", "��"),
        ([], "", ""),
        ({"errors": ["odd"]}, "", "odd"),
    ],
)
def test_every_shape_gives_its_code_and_text(body: Any, code: str, text: str) -> None:
    found = error(404, body)
    assert (found.code, found.text) == (code, text)


@pytest.mark.parametrize(
    ("status", "decision"),
    [
        *((status, RetryDecision.GIVE_UP) for status in (400, 401, 403, 404, 413, 501)),
        *((status, RetryDecision.RETRY) for status in (408, 409, 412, 499, 500, 502, 503, 504)),
        (429, RetryDecision.WAIT),
    ],
)
def test_the_status_says_whether_to_retry_wait_or_give_up(
    status: int, decision: RetryDecision
) -> None:
    assert error(status, {}).decision is decision


def test_a_refusal_by_a_limit_says_how_long() -> None:
    assert error(429, {}, **{"retry-after": "7"}).retry_after == 7
    assert error(429, {}, **{"retry-after": "soon"}).retry_after is None


def test_a_moderator_reads_what_is_wrong() -> None:
    body = json.dumps(
        {"code": "PERMISSION_DENIED", "message": "You cannot manage a user of this rank."}
    ).encode()
    found = refused(ASSIGN_ROLE, 403, body, httpx.Headers())
    assert "the key's owner ranks below this member" in str(found)
    assert not found.about_key


def test_a_missing_scope_is_named() -> None:
    found = refused(ASSIGN_ROLE, 403, b"{}", httpx.Headers())
    assert "group:write" in str(found)
    assert found.about_key
