"""A read-only database: every entry point answers or says when to try again."""

import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from console.middleware.staff import SEEN_AT
from grps_site.http import request_signing
from tests.conftest import Live, events
from tests.console.people import owner_client
from tests.read_only import read_only_connection, read_only_database

GIVEN = {
    "int": "1",
    "userid": "1",
    "rowid": "1",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
SIGNING_IN = "/admin/sign-in/with/roblox/login/?process=login"
PATIENCE = 30  # seconds


def addresses(resolver: URLResolver, prefix: str = "/") -> Iterator[str]:
    for one in resolver.url_patterns:
        route = prefix + str(one.pattern).removeprefix("^").removesuffix("$").removesuffix(r"\Z")
        if isinstance(one, URLResolver):
            yield from addresses(one, route)
        elif isinstance(one, URLPattern) and "(?P" not in route:
            yield re.sub(r"<(?:(\w+):)?\w+>", lambda found: GIVEN.get(found[1] or "", "x"), route)


@pytest.fixture
def visitor(transactional_db: None, bootstrapped: None) -> Client:
    """Return the browser of an owner, who may see everything."""
    browser = owner_client()
    browser.raise_request_exception = False
    return browser


def is_fine(answer: Any) -> bool:
    if answer.status_code == 503:
        return "Retry-After" in answer.headers or "health" in answer.request["PATH_INFO"]
    return bool(answer.status_code < 500)


def test_no_address_fails_in_another_way(visitor: Client, api_key: str, settings: Any) -> None:
    secret = settings.AUTOMATION_SIGNATURE_SECRET
    failed: list[tuple[str, str, int]] = []
    unavailable = 0
    with read_only_connection():
        for address in sorted(set(addresses(get_resolver()))):
            for method in ("GET", "POST"):
                signed = request_signing.sign(secret, method, address, b"{}")
                headers = signed | {"x-grps-api-key": api_key}
                answer = visitor.generic(
                    method, address, b"{}", "application/json", headers=headers
                )
                unavailable += answer.status_code == 503
                if not is_fine(answer):
                    failed.append((method, address, answer.status_code))
    assert failed == []
    assert unavailable > 20


@pytest.mark.parametrize("address", ["/admin/", "/admin/players/", SIGNING_IN])
def test_a_session_that_cannot_be_saved_is_unavailable(visitor: Client, address: str) -> None:
    session = visitor.session
    session[SEEN_AT] -= 120
    session.save()
    with read_only_connection():
        answer = visitor.post(address) if address == SIGNING_IN else visitor.get(address)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "not available" in answer.content.decode()


def test_a_web_server_recovers_by_itself(live: Live, api_key: str) -> None:
    with read_only_database():
        refused = live.play(api_key, "/roblox/events", events(1))
        ready = live.fresh("/health/ready")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert (ready.status_code, "read-only" in ready.text) == (503, True)
    assert _until_accepted(live, api_key).json()["accepted"] == 1
    assert live.fresh("/health/ready").status_code == 200


def _until_accepted(live: Live, api_key: str) -> httpx.Response:
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = live.play(api_key, "/roblox/events", events(1))
        if answer.status_code == 200:
            return answer
        assert answer.status_code == 503
        assert time.monotonic() < deadline
