"""Addresses that webhooks may call: each non-public range at its limits, and odd spellings."""

import ipaddress

import pytest

from common.ssrf import NOT_PUBLIC, BadAddress, allowed, check_url, is_public

HERE = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("fd00:1::/32"))
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "223.255.255.255",
]
PUBLIC += [
    "2606:4700:4700::1111",
    "2001:4860:4860::8888",
    "64:ff9b::8.8.8.8",
    "::ffff:8.8.8.8",
    "2003::1",
]


@pytest.mark.parametrize("network", NOT_PUBLIC, ids=str)
def test_a_range_is_refused_from_its_first_address_to_its_last(
    network: ipaddress.IPv4Network,
) -> None:
    assert not is_public(network[0])
    assert not is_public(network[-1])
    assert not is_public(network[network.num_addresses // 2])


@pytest.mark.parametrize(
    "range_",
    [
        *(
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
        ),
        *(
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
        ),
        *(
            "224.0.0.0/4",
            "240.0.0.0/4",
            "255.255.255.255/32",
            "::1/128",
            "::/128",
            "100::/64",
            "2001::/32",
        ),
        *(
            "2001:2::/48",
            "2001:10::/28",
            "2001:db8::/32",
            "2002::/16",
            "3fff::/20",
            "5f00::/16",
            "64:ff9b:1::/48",
        ),
        *("fc00::/7", "fd00::/8", "fe80::/10", "fec0::/10", "ff00::/8", "::7f00:1/128"),
    ],
)
def test_what_the_registries_name_is_among_them(range_: str) -> None:
    network = ipaddress.ip_network(range_)
    assert not is_public(network[0])
    assert not is_public(network[-1])


@pytest.mark.parametrize(
    "range_", ["10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.168.0.0/16"]
)
@pytest.mark.parametrize("prefix", ["::ffff:", "64:ff9b::"])
def test_an_ipv4_address_inside_another_is_judged_for_itself(range_: str, prefix: str) -> None:
    network = ipaddress.ip_network(range_)
    for address in (network[0], network[-1]):
        assert not is_public(ipaddress.ip_address(f"{prefix}{address}"))


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_may_be_called(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def test_an_exception_opens_its_network_and_no_other() -> None:
    for address, fine in (
        ("127.0.0.1", True),
        ("::ffff:127.0.0.1", True),
        ("fd00:1::5", True),
        ("10.0.0.1", False),
    ):
        assert allowed(ipaddress.ip_address(address), HERE) is fine
        assert not allowed(ipaddress.ip_address(address), ())


@pytest.mark.parametrize(
    "host",
    [
        *(
            "127.0.0.1",
            "127.1",
            "127.0.1",
            "0",
            "0.0.0.0",
            "2130706433",
            "0x7f000001",
            "0x7f.0.0.1",
            "017700000001",
        ),
        *(
            "0177.0.0.01",
            "127.0.0.1.",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[fe80::1]",
        ),
        *(
            "[64:ff9b::a00:1]",
            "[fd00::1]",
            "169.254.169.254",
            "2852039166",
            "0xA9FEA9FE",
            "localhost",
            "LOCALHOST.",
        ),
        *("db.localhost", "printer.local", "metadata.google.internal", "10.1", "192.168.1.1"),
    ],
)
def test_no_spelling_of_an_inner_address_is_saved(host: str) -> None:
    with pytest.raises(BadAddress, match=r"not public|Invalid IPv4 address"):
        check_url(f"https://{host}/hook", insecure=True, exceptions=())


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://example.org/", "https"),
        ("ftp://example.org/", "https"),
        ("file:///etc/passwd", "https"),
        ("//example.org/", "https"),
        ("example.org", "https"),
        ("https:///path", "host"),
        ("https://user@example.org/", "password"),
        ("https://user:pw@example.org/", "password"),
        ("https://example.org/#part", "#"),
        ("https://example.org:22/", "port 22"),
        ("https://example.org:80/", "port 80"),
        ("https://example.org:0/", "port 0"),
        ("https://example.org:99999/", "port 99999"),
        ("https://exa mple.org/", "space"),
        (" https://example.org/", "space"),
        ("https://example.org\\@127.0.0.1/", "backslash"),
        ("https://example.org/\r\nHost: x", "control"),
        ("https://[::1/", "no address"),
        ("https://１２７.０.０.１/", "no address"),
        ("https://example.org/" + "x" * 2000, "2000"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(url: str, words: str) -> None:
    with pytest.raises(BadAddress, match=words):
        check_url(url, insecure=False, exceptions=())


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/a?b=c",
        "https://example.org:8443/",
        "https://1.1.1.1/",
        "https://bücher.example/",
    ],
)
def test_what_can_be_called_is_taken(url: str) -> None:
    check_url(url, insecure=False, exceptions=())


def test_plain_http_is_for_development_only() -> None:
    check_url("http://127.0.0.1:8099/", insecure=True, exceptions=HERE)
    check_url("http://example.org:80/", insecure=True, exceptions=())
    with pytest.raises(BadAddress, match="not public"):
        check_url("http://127.0.0.1:8099/", insecure=True, exceptions=())
