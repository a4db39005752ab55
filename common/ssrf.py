"""Addresses that may be called: public ones, and the exceptions of the operator.

The ranges are IANA's registries of special-purpose addresses (RFC 6890 and successors), and ranges
that embed another address. The decisive check is made when connecting, after the name was resolved.
The check on saving only helps the person who enters the address.
"""

import ipaddress
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import httpx

Networks = tuple[IPv4Network | IPv6Network, ...]
LONGEST = 2000  # characters

NOT_PUBLIC: Networks = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network, RFC 791
        "10.0.0.0/8",  # private, RFC 1918
        "100.64.0.0/10",  # carriers' shared space, RFC 6598
        "127.0.0.0/8",  # loopback, RFC 1122
        "169.254.0.0/16",  # link local, and clouds' metadata, RFC 3927
        "172.16.0.0/12",  # private, RFC 1918
        "192.0.0.0/24",  # protocol assignments, RFC 6890
        "192.0.2.0/24",  # documentation, RFC 5737
        "192.31.196.0/24",  # AS112, RFC 7535
        "192.52.193.0/24",  # AMT relays, RFC 7450
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "192.168.0.0/16",  # private, RFC 1918
        "192.175.48.0/24",  # AS112, RFC 7534
        "198.18.0.0/15",  # benchmarks, RFC 2544
        "198.51.100.0/24",  # documentation, RFC 5737
        "203.0.113.0/24",  # documentation, RFC 5737
        "224.0.0.0/4",  # multicast, RFC 5771
        "240.0.0.0/4",  # reserved, RFC 1112, and broadcast, RFC 919
        # Global unicast is 2000::/3 (RFC 4291). The ranges outside it are loopback, unique, link
        # and site local, multicast, several kinds of embedded IPv4, discard and segment routing.
        "::/3",
        "4000::/2",
        "8000::/1",
        "2001::/23",  # protocol assignments (Teredo, benchmarks, ORCHID), RFC 2928
        "2001:db8::/32",  # documentation, RFC 3849
        "2002::/16",  # 6to4, RFC 3056
        "2620:4f:8000::/48",  # AS112, RFC 7534
        "3ffe::/16",  # 6bone, given back, RFC 3701
        "3fff::/20",  # documentation, RFC 9637
    )
)
MAPPED = IPv6Network("::ffff:0:0/96")  # RFC 4291
# RFC 6052: an IPv6-only host reaches every IPv4 receiver through it.
NAT64 = IPv6Network("64:ff9b::/96")


class BadAddress(ValueError):
    """The address may not be called. The text says why and what would work."""


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Return whether an address is public. An embedded IPv4 address decides for the whole."""
    address = _inner(address)
    return not any(
        address in network for network in NOT_PUBLIC if network.version == address.version
    )


def allowed(address: IPv4Address | IPv6Address, exceptions: Networks) -> bool:
    """Return whether an address may be called: it is public, or within an exception."""
    inner = _inner(address)
    excepted = any(inner in network for network in exceptions if network.version == inner.version)
    return excepted or is_public(address)


def check_url(url: str, *, insecure: bool, exceptions: Networks) -> None:
    """Raise BadAddress for a wrong scheme or port, credentials, or an address that is not public."""
    if len(url) > LONGEST:
        raise BadAddress(f"it is longer than {LONGEST} characters.")
    parsed = _parsed(url)
    if parsed.scheme != "https" and not (insecure and parsed.scheme == "http"):
        raise BadAddress("it must begin with https://.")
    if not parsed.host:
        raise BadAddress("it names no host.")
    if parsed.userinfo:
        raise BadAddress("it holds a user name or a password; put what authorises into a header.")
    if parsed.fragment:
        raise BadAddress("it has a part behind `#`, which is never sent; leave it out.")
    check_port(parsed.port, insecure=insecure)
    _check_host(parsed.host, exceptions)


def check_port(port: int | None, *, insecure: bool) -> None:
    """Raise BadAddress for ports of other services. Allowed are 443 and those from 1024 on."""
    if port is None or port == 443 or 1024 <= port <= 65535 or (insecure and port == 80):
        return
    raise BadAddress(f"port {port} is of another service; take 443 or one from 1024 on.")


def _parsed(url: str) -> httpx.URL:
    if url != url.strip() or any(ord(character) < 0x21 for character in url) or "\\" in url:
        raise BadAddress("it holds a space, a backslash or a control character.")
    try:
        return httpx.URL(url)
    except httpx.InvalidURL as error:
        raise BadAddress(f"it is no address: {error}.") from None


def _check_host(host: str, exceptions: Networks) -> None:
    bare = host.rstrip(".").lower()
    try:
        # Every notation that a connection would accept as an address: 127.1, 0x7f000001,
        # 017700000001.
        found = socket.getaddrinfo(bare, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except OSError:
        if bare == "localhost" or bare.endswith(
            (".localhost", ".local", ".internal", ".home.arpa")
        ):
            found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 0))]
        else:
            return  # a name is checked when it is resolved, at every call
    for _, _, _, _, where in found:
        address = ipaddress.ip_address(str(where[0]).partition("%")[0])
        if not allowed(address, exceptions):
            raise BadAddress(
                f"{host} is {address}, which is not public; an operator can add its network to the allowed."
            )


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv6Address) and (address in MAPPED or address in NAT64):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
