"""One call: only to a checked address, and no receiver can stall, flood or redirect it."""

import asyncio
import datetime as dt
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.webhooks.receivers import Receiver, Wild, read_request
from webhooks.outbound.http_client import EXCERPT, HttpAnswer, Outgoing, Resolve, Sender

HERE = tuple(ipaddress.ip_network(text) for text in ("127.0.0.0/8", "::1/128"))
FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def send(
    url: str,
    *,
    headers: dict[str, str] | None = None,
    timeout: float = 30,
    times: int = 1,
    exceptions: Any = HERE,
    insecure: bool = True,
    resolve: Resolve | None = None,
) -> HttpAnswer:
    """Make `times` calls one after the other. Returns the answer to the last one."""

    async def calls() -> HttpAnswer:
        sender = Sender(
            timeout=timeout,
            insecure=insecure,
            exceptions=exceptions,
            connections=4,
            resolve=resolve,
        )
        async with sender:
            for _ in range(times):
                answer = await sender.send(Outgoing(url, headers or {}, b'{"a": 1}'))
        return answer

    return asyncio.run(calls())


def resolving(*answers: list[str]) -> Resolve:
    """Return a name server: question n gets answer n, and the last answer repeats."""
    left = list(answers)

    async def resolve(host: str, port: int) -> list[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def test_a_call_arrives_with_its_headers_and_body(receiver: Receiver) -> None:
    answer = send(receiver.url + "a/b?c=d", headers={"x-team": "red"})
    assert (answer.status, answer.body, answer.error) == (200, b"ok", "")
    (request,) = receiver.requests
    assert (request.path, request.body, request.headers["x-team"]) == (
        "/a/b?c=d",
        b'{"a": 1}',
        "red",
    )
    assert request.headers["host"] == receiver.url.split("/")[2]


def test_connections_are_used_again() -> None:
    def two(connection: socket.socket) -> None:
        connection.sendall(FINE)
        read_request(connection)
        connection.sendall(FINE)

    with Wild(two) as wild:
        assert send(wild.url, times=2).status == 200
        assert wild.connections == 1


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0",
    ],
)
def test_this_machine_is_not_called_however_it_is_spelled(host: str) -> None:
    with Wild(lambda connection: connection.sendall(FINE)) as wild:
        answer = send(f"http://{host}:{wild.port}/", exceptions=())
        assert answer.status is None
        assert "not public" in answer.error
        assert wild.connections == 0


def test_a_name_that_resolves_inside_is_not_called() -> None:
    answer = send("http://rebind.example:8080/", resolve=resolving(["10.0.0.5"]), exceptions=())
    assert answer.error == "rebind.example resolves to 10.0.0.5, which is not public."


def test_one_private_address_is_enough_to_refuse() -> None:
    answer = send(
        "http://mixed.example:8080/",
        resolve=resolving(["1.1.1.1", "169.254.169.254"]),
        exceptions=(),
    )
    assert "169.254.169.254, which is not public" in answer.error


def test_a_name_changed_after_its_check_changes_nothing() -> None:
    """The connection goes to the checked address: the name server is not asked again."""
    with Wild(lambda connection: connection.sendall(FINE)) as wild:
        asked = 0

        async def resolve(host: str, port: int) -> list[str]:
            nonlocal asked
            asked += 1
            return ["127.0.0.1"] if asked == 1 else ["10.0.0.5"]

        assert send(f"http://rebind.example:{wild.port}/", resolve=resolve).status == 200
        assert asked == 1


def test_a_name_is_judged_again_at_every_connection() -> None:
    def once(connection: socket.socket) -> None:
        connection.sendall(FINE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))

    with Wild(once) as wild:
        answer = send(
            f"http://x.example:{wild.port}/",
            times=2,
            resolve=resolving(["127.0.0.1"], ["10.0.0.5"]),
        )
        assert "10.0.0.5" in answer.error
        assert wild.connections == 1


def test_a_dead_address_is_passed_over_for_one_that_lives(receiver: Receiver) -> None:
    port = int(receiver.url.rpartition(":")[2].strip("/"))
    resolve = resolving(["127.0.0.9", "127.0.0.1"])
    assert send(f"http://two.example:{port}/", resolve=resolve).status == 200


def test_ipv6_is_spoken() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    with Wild(lambda connection: connection.sendall(FINE), host="::1") as wild:
        assert send(wild.url).status == 200


def test_nobody_listens_and_nobody_is_called_so() -> None:
    with socket.socket() as bound:  # the port is reserved, but nobody listens on it
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        assert send(f"http://127.0.0.1:{port}/").error == "127.0.0.1 refused the connection."
    assert (
        send("http://nobody.invalid:8080/", resolve=resolving([])).error
        == "There is no host nobody.invalid."
    )


@pytest.mark.parametrize(
    ("url", "words"), [("http://1.1.1.1:8080/", "https"), ("https://1.1.1.1:25/", "port 25")]
)
def test_scheme_and_port_are_judged_at_the_call_too(url: str, words: str) -> None:
    assert words in send(url, insecure=False).error


def test_a_receiver_that_hangs_is_left_when_time_is_up() -> None:
    with Wild(lambda connection: time.sleep(20)) as wild:
        assert send(wild.url, timeout=1.5).error == "It did not answer within 1.5 s."


def test_a_receiver_that_drips_its_head_is_left_when_time_is_up() -> None:
    def drip(connection: socket.socket) -> None:
        for byte in FINE * 20:
            connection.sendall(bytes([byte]))
            time.sleep(0.3)

    with Wild(drip) as wild:
        assert send(wild.url, timeout=1.5).error == "It did not answer within 1.5 s."


def test_a_status_is_an_answer_though_the_body_drips() -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        for _ in range(200):
            connection.sendall(b"x")
            time.sleep(0.1)

    with Wild(drip) as wild:
        answer = send(wild.url)
        assert (answer.status, answer.error) == (200, "")
        assert 0 < len(answer.body) < 100


def test_a_gigabyte_is_not_read() -> None:
    sent = 0
    ended = threading.Event()

    def flood(connection: socket.socket) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
        try:
            while sent < 2**30:
                connection.sendall(b"x" * 65_536)
                sent += 65_536
        finally:
            ended.set()

    with Wild(flood) as wild:
        answer = send(wild.url)
        assert (answer.status, len(answer.body)) == (200, EXCERPT)
        assert ended.wait(20)
        assert sent < 64 * 2**20  # what the two sockets buffer


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-",
        b"SSH-2.0-OpenSSH_9.7\r\n",
        b"\x00\x01\x02" * 100,
    ],
    ids=["nothing", "half a status", "half a head", "another protocol", "noise"],
)
def test_closing_early_and_nonsense_are_errors_in_words(said: bytes) -> None:
    with Wild(lambda connection: connection.sendall(said)) as wild:
        answer = send(wild.url)
        assert answer.status is None
        assert answer.error.startswith("It closed the connection or did not speak HTTP")


def test_a_head_without_end_is_left() -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X-More: " + b"y" * 60_000 + b"\r\n")

    with Wild(flood) as wild:
        assert send(wild.url).status is None


def test_a_body_cut_short_does_not_unmake_the_status() -> None:
    def cut(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")

    with Wild(cut) as wild:
        answer = send(wild.url)
        assert (answer.status, answer.body) == (200, b"short")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_a_private_address_is_not_followed(receiver: Receiver, status: int) -> None:
    with Wild(lambda connection: connection.sendall(FINE)) as inside:
        receiver.answer = lambda request: (
            status,
            {"location": f"http://127.0.0.1:{inside.port}/"},
            b"",
        )
        assert send(receiver.url).status == status
        assert inside.connections == 0


def test_an_answer_that_comes_late_is_no_answer() -> None:
    def late(connection: socket.socket) -> None:
        time.sleep(3)
        connection.sendall(FINE)

    with Wild(late) as wild:
        answer = send(wild.url, timeout=1.5)
        assert (answer.status, answer.error) == (None, "It did not answer within 1.5 s.")


@pytest.mark.parametrize(
    ("said", "status", "body"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + FINE, 200, b"ok"),
        (
            b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            202,
            b"abc",
        ),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, b"until the end"),
    ],
)
def test_every_way_to_end_an_answer_is_understood(said: bytes, status: int, body: bytes) -> None:
    with Wild(lambda connection: connection.sendall(said)) as wild:
        answer = send(wild.url)
        assert (answer.status, answer.body, answer.error) == (status, body, "")


def test_compressed_bodies_stay_compressed() -> None:
    bomb = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"
    with Wild(lambda connection: connection.sendall(bomb)) as wild:
        assert send(wild.url).body == b"\x1f\x8b\x08\x00"


def test_a_header_cannot_smuggle_another(receiver: Receiver) -> None:
    answer = send(receiver.url, headers={"x-a": "b\r\nx-c: d"})
    assert answer.status is None
    assert receiver.requests == []


def test_proxies_of_the_environment_are_not_asked(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Wild(lambda connection: connection.sendall(FINE)) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert send(receiver.url).status == 200
        assert proxy.connections == 0


def _certificate(folder: Path, *names: str, expired: bool = False) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    now = dt.datetime.now(dt.UTC)
    ends = now - dt.timedelta(days=1) if expired else now + dt.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=9))
        .not_valid_after(ends)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / "server.pem"
    file.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    return file


class Secure(Wild):
    """The same over TLS."""

    def __init__(self, certificate: Path) -> None:
        super().__init__(lambda connection: connection.sendall(FINE))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)

    def _serve(self, connection: socket.socket) -> None:
        try:
            with self._context.wrap_socket(connection, server_side=True) as tls:
                super()._serve(tls)
        except OSError:
            return  # the caller refused the certificate


@pytest.mark.parametrize(
    ("names", "expired", "trusted", "words"),
    [
        (("hooks.example",), False, True, ""),
        (("hooks.example",), False, False, "self-signed"),
        (("other.example",), False, True, "Hostname mismatch"),
        (("hooks.example",), True, True, "expired"),
    ],
    ids=["good", "unknown", "another host's", "expired"],
)
def test_only_a_valid_certificate_of_the_host_is_taken(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    names: tuple[str, ...],
    expired: bool,
    trusted: bool,
    words: str,
) -> None:
    certificate = _certificate(tmp_path, *names, expired=expired)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Secure(certificate) as server:
        url = f"https://hooks.example:{server.port}/"
        answer = send(url, insecure=False, resolve=resolving(["127.0.0.1"]))
    assert answer.status == (None if words else 200), answer.error
    assert words in answer.error
    assert not words or answer.error.startswith("Its certificate is not valid")


def test_plain_http_where_tls_belongs_is_said_so(receiver: Receiver) -> None:
    answer = send(receiver.url.replace("http://", "https://"), insecure=False)
    assert answer.error.startswith("It does not speak TLS as it should")
