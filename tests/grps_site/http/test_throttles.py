import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client, RequestFactory

from grps_site.http import throttling
from tests.conftest import free_port
from tests.shared_clock import clock_at

factory = RequestFactory()
MOMENT = 1_800_000_000.0  # the start of a minute


@pytest.fixture(autouse=True)
def _afresh(settings: Any) -> Iterator[None]:
    settings.THROTTLE_PUBLIC_PER_MINUTE = 10
    settings.THROTTLE_WRITE_PER_MINUTE = 2
    forget()
    client = throttling._valkey()
    with clock_at(MOMENT):
        yield
    for key in client.scan_iter(f"throttle:{int(MOMENT) // 60}*"):
        client.delete(key)
    forget()
    throttling._client = None


def forget() -> None:
    """Act as a new process. A long timeout, since a slow Valkey would count as unavailable."""
    throttling._leases.clear()
    throttling._client = None
    throttling._valkey().connection_pool.connection_kwargs.update(
        socket_timeout=30, socket_connect_timeout=30
    )
    throttling._valkey_down_until = 0.0


def ask(address: str = "192.0.2.1", kind: str = "read", **headers: str) -> float | None:
    return throttling.check(factory.get("/x", REMOTE_ADDR=address, headers=headers), kind)


def let_in(count: int, **options: Any) -> int:
    return sum(ask(**options) is None for _ in range(count))


def test_it_lets_in_the_limit_and_says_how_long_to_wait() -> None:
    assert let_in(12) == 10
    wait = ask()
    assert wait is not None
    assert 0 < wait <= 60


def test_no_way_to_write_an_address_escapes_the_limit(settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1
    written = [f"203.0.113.3:{port}" for port in range(6)]
    written += ["::ffff:203.0.113.3", '"203.0.113.3"', "[::ffff:203.0.113.3]:1", "203.0.113.3"] * 2
    assert sum(ask(**{"X-Forwarded-For": one}) is None for one in written) == 10
    ports = [f"[2001:db8::{n:x}%eth{n}]:{n}" for n in range(14)]
    assert sum(ask(**{"X-Forwarded-For": one}) is None for one in ports) == 10


def test_the_next_minute_is_a_new_one() -> None:
    assert let_in(12) == 10
    with clock_at(MOMENT + 60):
        assert let_in(12) == 10
        for key in throttling._valkey().scan_iter(f"throttle:{int(MOMENT) // 60 + 1}*"):
            throttling._valkey().delete(key)


def test_another_address_has_a_limit_of_its_own() -> None:
    assert let_in(12) == 10
    assert let_in(12, address="192.0.2.2") == 10


def test_writing_has_a_lower_limit_of_its_own() -> None:
    assert let_in(12) == 10
    assert let_in(12, kind="write") == 2


def test_two_processes_share_one_limit() -> None:
    assert let_in(6) == 6
    forget()
    assert let_in(12) == 4


def test_most_requests_ask_nobody(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.THROTTLE_PUBLIC_PER_MINUTE = 100
    asked = []
    count = throttling._add
    monkeypatch.setattr(
        throttling, "_add", lambda key, portion: asked.append(portion) or count(key, portion)
    )
    assert let_in(100) == 100
    assert asked == [10] * 10


def test_nothing_is_a_limit_of_nothing(settings: Any) -> None:
    settings.THROTTLE_PUBLIC_PER_MINUTE = 0
    assert let_in(100) == 100


def test_one_ipv6_network_is_one_caller() -> None:
    assert let_in(6, address="2001:db8:1:2::1") == 6
    assert let_in(12, address="2001:db8:1:2:ffff::9") == 4
    assert let_in(12, address="2001:db8:1:3::1") == 10


def test_without_valkey_each_process_counts_alone(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    throttling._client = None
    with caplog.at_level(logging.WARNING, logger="grps.throttle"):
        assert let_in(12) == 10
    assert len([record for record in caplog.records if record.name == "grps.throttle"]) == 1


def test_it_remembers_a_bounded_number_of_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "MAX_ADDRESSES", 5)
    for number in range(20):
        ask(address=f"198.51.100.{number}")
    assert len(throttling._leases) <= 5


@pytest.mark.usefixtures("bootstrapped")
def test_a_visitor_past_the_limit_is_told_when_to_come_back(client: Client) -> None:
    answers = [client.get(f"/ranks?n={number}") for number in range(12)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429] * 2
    assert answers[-1]["Content-Type"] == "application/problem+json"
    assert 1 <= int(answers[-1]["Retry-After"]) <= 61


@pytest.mark.usefixtures("bootstrapped")
def test_cached_answers_count_too(client: Client) -> None:
    assert [client.get("/ranks").status_code for _ in range(12)] == [200] * 10 + [429] * 2


@pytest.mark.usefixtures("bootstrapped")
def test_anonymous_writing_is_limited(client: Client) -> None:
    answers = [
        client.post("/turnstile/verify", {"token": "x"}, content_type="application/json")
        for _ in range(4)
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]


def test_a_game_server_is_not_limited(client: Client, api_key: str) -> None:
    answers = [client.get("/roblox/policy", headers={"x-grps-api-key": api_key}) for _ in range(15)]
    assert {answer.status_code for answer in answers} == {200}
