"""Clients that wait, send slowly or hold many connections cannot stall the site."""

import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from common.environment import BASE_DIR
from tests.conftest import WITHOUT_LIMITS, Live, events, free_port
from tests.console.people import owner_client

pytestmark = pytest.mark.django_db(transaction=True)
SLOW = b"POST /roblox/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n\r\n{"
HEAD = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Slow:"
ELSEWHERE = "127.0.0.2"  # another address of this machine
_numbers = itertools.count(1)


def connect(port: int, sent: bytes = b"", address: str = ELSEWHERE) -> socket.socket:
    connection = socket.create_connection(
        ("127.0.0.1", port), timeout=60, source_address=(address, 0)
    )
    connection.sendall(sent)
    return connection


def is_closed(connection: socket.socket) -> bool:
    """Wait until the server has closed the connection. Discards what it sent before."""
    try:
        while connection.recv(65_536):
            pass
    except ConnectionResetError:
        pass
    return True


def is_open(connection: socket.socket) -> bool:
    connection.settimeout(0)
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    finally:
        connection.settimeout(60)


def answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Read one response with a Content-Length. Returns status, headers and body."""
    said = b""
    while b"\r\n\r\n" not in said:
        piece = connection.recv(65_536)
        assert piece, said
        said += piece
    head, _, body = said.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = {
        name.lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines[1:])
    }
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65_536)
    return int(lines[0].split()[1]), headers, body


def is_served(url: str, api_key: str) -> bool:
    with httpx.Client(base_url=url, timeout=20) as http:
        assert http.get("/health/live").json() == {"status": "ok"}
        batch = events(1, session=next(_numbers))
        said = http.post("/roblox/events", json=batch, headers={"x-grps-api-key": api_key})
        assert said.json()["accepted"] == 1, said.text
    return True


@contextmanager
def trickling(connections: list[socket.socket]) -> Iterator[None]:
    """Send a byte on each connection repeatedly until the block ends."""
    over = threading.Event()

    def send() -> None:
        while not over.is_set():
            for connection in connections:
                try:
                    connection.send(b" ")
                except OSError:
                    continue  # the server may close it
            over.wait(0.2)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.fixture
def port(live: Live) -> int:
    return httpx.URL(live.url).port or 0


def test_two_bodies_that_never_come_stop_nobody(live: Live, port: int, api_key: str) -> None:
    with connect(port, SLOW), connect(port, SLOW):
        assert is_served(live.url, api_key)


@pytest.mark.parametrize("address", ["127.0.0.1", ELSEWHERE])
def test_2000_idle_and_200_trickling_connections_stop_nobody(
    live: Live, port: int, api_key: str, address: str
) -> None:
    with ExitStack() as stack:
        for _ in range(2000):
            stack.enter_context(connect(port, address=address))
        slow = [stack.enter_context(connect(port, SLOW, address)) for _ in range(100)]
        slow += [stack.enter_context(connect(port, HEAD, address)) for _ in range(100)]
        with trickling(slow):
            for _ in range(5):
                assert is_served(live.url, api_key)


def test_what_does_not_arrive_in_time_is_ended_and_told(live: Live, port: int) -> None:
    """The slowest test here: it waits for the deadlines of a head (10 s) and a body (20 s)."""
    with connect(port) as silent, connect(port, HEAD) as head, connect(port, SLOW) as body:
        with trickling([head, body]):
            status, headers, said = answer(body)
            assert (status, headers["connection"]) == (408, "close")
            assert json.loads(said)["type"] == "/docs/problems#too-slow"
            assert headers["x-request-id"] == json.loads(said)["requestId"]
            assert answer(head)[0] == 408
        assert is_closed(silent)
        assert is_closed(head)


def test_a_body_too_large_is_refused_before_it_is_sent(port: int, live: Live) -> None:
    head = b"POST /roblox/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000000\r\n"
    with connect(port, head + b"\r\n") as connection:
        status, headers, body = answer(connection)
        assert (status, headers["connection"]) == (413, "close")
        assert json.loads(body)["type"] == "/docs/problems#too-large"
    with connect(port, head + b"Expect: 100-continue\r\n\r\n") as connection:
        assert answer(connection)[0] == 413
        assert is_closed(connection)


def test_a_caller_that_asks_before_it_sends_is_told_to_go_on(
    port: int, live: Live, api_key: str
) -> None:
    body = json.dumps(events(1)).encode()
    head = f"POST /roblox/events HTTP/1.1\r\nHost: localhost\r\nx-grps-api-key: {api_key}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    with connect(port, head.encode()) as connection:
        assert answer(connection)[0] == 100
        connection.sendall(body)
        status, _, said = answer(connection)
        assert (status, json.loads(said)["accepted"]) == (200, 1)


def test_a_body_in_chunks_is_read_up_to_the_limit(live: Live, api_key: str) -> None:
    headers = {"x-grps-api-key": api_key, "content-type": "application/json"}
    body = json.dumps(events(1)).encode()
    taken = live.http.post("/roblox/events", content=iter([body[:9], body[9:]]), headers=headers)
    assert taken.json()["accepted"] == 1, taken.text
    refused = live.http.post(
        "/roblox/events", content=(b" " * 65_536 for _ in range(20)), headers=headers
    )
    assert refused.status_code == 413


def test_requests_sent_at_once_are_answered_in_their_order(port: int, live: Live) -> None:
    wanted = [f"one-{number}" for number in range(2000)]
    sent = "".join(
        f"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: {one}\r\n\r\n"
        for one in wanted
    )
    said = b""
    with connect(port, sent.encode()) as connection:
        while said.count(b'{"status":"ok"}') < len(wanted):
            said += connection.recv(65_536)
    assert re.findall(r"x-request-id: (\S+)", said.decode()) == wanted


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 400_000, 431),
        (b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", 400),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
        ),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
    ],
)
def test_a_malformed_head_ends_its_connection_alone(
    port: int, live: Live, sent: bytes, status: int
) -> None:
    with connect(port) as connection:
        with suppress(ConnectionError):  # refused before all of it was sent
            connection.sendall(sent)
        assert answer(connection)[0] == status
        assert is_closed(connection)
    assert live.http.get("/health/live").status_code == 200


def test_an_upgrade_is_not_made(port: int, live: Live) -> None:
    head = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    with connect(port, head) as connection:
        assert answer(connection)[0] == 200


def test_a_long_answer_leaves_the_threads_to_others(live: Live, api_key: str) -> None:
    browser = owner_client()
    with httpx.Client(
        base_url=live.url,
        timeout=60,
        cookies={"grps-session": browser.cookies["grps-session"].value},
    ) as http:
        http.get("/admin/audit/")
        form = {"format": "jsonl", "csrfmiddlewaretoken": http.cookies["grps-csrf"]}
        with http.stream(
            "POST", "/admin/audit/export/", data=form, headers={"Referer": live.url}
        ) as answer:
            assert answer.status_code == 200, answer.read()
            assert answer.headers["transfer-encoding"] == "chunked"
            assert is_served(live.url, api_key)
            lines = list(answer.iter_lines())
    assert {json.loads(line)["action"] for line in lines} >= {"policy.activated"}


def test_a_header_that_imitates_another_is_not_believed(live: Live, api_key: str) -> None:
    said = live.http.post("/roblox/events", json=events(1), headers={"x_grps_api_key": api_key})
    assert said.status_code == 401


@pytest.fixture(scope="module")
def narrow(serve: Callable[..., str]) -> str:
    return serve(**WITHOUT_LIMITS, CONNECTIONS_PER_ADDRESS="20")


def test_one_address_holds_a_limited_number_of_connections(
    live: Live, narrow: str, api_key: str
) -> None:
    port = httpx.URL(narrow).port or 0
    with ExitStack() as stack:
        others = [stack.enter_context(connect(port, address="127.0.0.3")) for _ in range(20)]
        mine = [stack.enter_context(connect(port)) for _ in range(30)]
        assert all(is_closed(connection) for connection in mine[:10])
        mine[-1].sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert answer(mine[-1])[0] == 200
        assert all(is_open(connection) for connection in (*mine[10:], *others))
        assert is_served(narrow, api_key)


@pytest.fixture(scope="module")
def behind_proxy(serve: Callable[..., str]) -> str:
    return serve(**WITHOUT_LIMITS, CONNECTIONS_PER_ADDRESS="20", TRUSTED_PROXIES="1")


def test_the_connections_of_our_own_proxy_are_not_counted(
    live: Live, behind_proxy: str, api_key: str
) -> None:
    port = httpx.URL(behind_proxy).port or 0
    with ExitStack() as stack:
        held = [stack.enter_context(connect(port)) for _ in range(60)]
        assert is_served(behind_proxy, api_key)
        assert all(is_open(connection) for connection in held)


@pytest.fixture
def nginx(behind_proxy: str, tmp_path: Path) -> Iterator[int]:
    """Start nginx with deploy/nginx, but with another name and port and without a certificate."""
    program = shutil.which("nginx")
    if program is None:
        pytest.skip("nginx is not installed: the documented proxy is not tried")
    port = free_port()
    site = (BASE_DIR / "deploy" / "nginx" / "grps.conf").read_text()
    site = re.sub(r"listen 443 ssl;", f"listen 127.0.0.1:{port};", site)
    site = re.sub(r"ssl_certificate\S* .*\n", "", site)
    site = site.replace(
        "server 127.0.0.1:8000;", f"server 127.0.0.1:{httpx.URL(behind_proxy).port};"
    )
    (tmp_path / "site.conf").write_text(site)
    shutil.copy(BASE_DIR / "deploy" / "nginx" / "grps-proxy.conf", tmp_path)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = " ".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in kinds)
    account = "user root;" if os.geteuid() == 0 else ""
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; {account} pid {tmp_path}/pid; worker_rlimit_nofile 20000;\n"
        "events { worker_connections 8192; }\n"
        f"http {{ access_log off; {paths} include {tmp_path}/site.conf; }}\n"
    )
    tmp_path.chmod(0o755)
    command = [
        program,
        "-p",
        str(tmp_path),
        "-e",
        str(tmp_path / "errors"),
        "-c",
        str(tmp_path / "nginx.conf"),
    ]
    process = subprocess.Popen(command, start_new_session=True)
    try:
        while True:
            assert process.poll() is None, (tmp_path / "errors").read_text()
            try:
                connect(port).close()
                break
            except ConnectionRefusedError:
                continue
        yield port
    finally:
        process.terminate()
        process.wait(60)


def test_the_documented_proxy_keeps_slow_clients_to_itself(
    live: Live, nginx: int, api_key: str
) -> None:
    with ExitStack() as stack:
        for _ in range(2000):
            stack.enter_context(connect(nginx))
        slow = [stack.enter_context(connect(nginx, SLOW)) for _ in range(200)]
        with trickling(slow):
            for _ in range(5):
                assert is_served(f"http://127.0.0.1:{nginx}", api_key)
    large = httpx.post(
        f"http://127.0.0.1:{nginx}/roblox/events", content=b" " * 1_500_000, timeout=20
    )
    assert large.json()["type"] == "/docs/problems#too-large"
