from typing import Any

import pytest
from django.test import RequestFactory

from common.client_address import client_address

CONNECTION = "10.0.0.1"


def seen(settings: Any, proxies: int, forwarded: str | None, connection: str = CONNECTION) -> str:
    settings.TRUSTED_PROXIES = proxies
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return client_address(RequestFactory().get("/", REMOTE_ADDR=connection, headers=headers))


@pytest.mark.parametrize(
    ("proxies", "address"),
    [
        (0, CONNECTION),
        (1, "203.0.113.3"),
        (2, "203.0.113.2"),
        (3, "203.0.113.1"),
        (4, CONNECTION),
    ],
)
def test_only_entries_of_our_own_proxies_count(settings: Any, proxies: int, address: str) -> None:
    assert seen(settings, proxies, "203.0.113.1, 203.0.113.2,203.0.113.3") == address


@pytest.mark.parametrize("forwarded", [None, "", " ", ",", "203.0.113.1,", "203.0.113.1, "])
def test_an_empty_entry_means_the_connection(settings: Any, forwarded: str | None) -> None:
    assert seen(settings, 1, forwarded) == CONNECTION


def test_empty_entries_keep_their_place(settings: Any) -> None:
    assert seen(settings, 2, "203.0.113.1,,203.0.113.3") == CONNECTION
    assert seen(settings, 2, "203.0.113.1,203.0.113.2,") == "203.0.113.2"


def test_a_client_cannot_write_the_entry_of_a_proxy(settings: Any) -> None:
    for lie in ("192.0.2.9", "192.0.2.9, 192.0.2.8", ", , ,", "192.0.2.9\t"):
        assert seen(settings, 1, f"{lie}, 203.0.113.3") == "203.0.113.3"


def test_an_address_may_be_of_ipv6(settings: Any) -> None:
    assert seen(settings, 1, "192.0.2.9, 2001:db8::1") == "2001:db8::1"
    assert seen(settings, 0, "192.0.2.9", connection="2001:db8::2") == "2001:db8::2"


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("203.0.113.3:5678", "203.0.113.3"),
        ('"203.0.113.3:5678"', "203.0.113.3"),
        ("[2001:DB8:0::1]:443", "2001:db8::1"),
        ('"[2001:db8::1]"', "2001:db8::1"),
        ("2001:db8:0:0:0:0:0:1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:203.0.113.3", "203.0.113.3"),
        ("[::ffff:cb00:7103]:80", "203.0.113.3"),
    ],
)
def test_each_way_to_write_an_address_is_one_address(
    settings: Any, written: str, address: str
) -> None:
    assert seen(settings, 1, f"192.0.2.9, {written}") == address
    assert seen(settings, 0, None, connection=written) == address


@pytest.mark.parametrize(
    "garbage",
    [
        "unknown",
        "_hidden",
        "203.0.113.3:x",
        "203.0.113.999",
        "[2001:db8::1",
        "1:2",
        "%",
        "1.2.3.4:999999",
        "\xb2.0.0.1",
        '"',
        "[]:80",
        "x" * 8000,
    ],
)
def test_what_is_no_address_counts_as_the_proxy_s_connection(settings: Any, garbage: str) -> None:
    assert seen(settings, 1, f"192.0.2.9, {garbage}") == CONNECTION


def test_a_socket_without_an_address_gives_an_empty_text(settings: Any) -> None:
    assert seen(settings, 0, None, connection="") == ""
