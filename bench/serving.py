"""GRPS's web server compared with granian over WSGI, which has no deadlines, on the same view."""

import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from bench.load import Connection, get
from bench.results import Result
from devserver.state import free_port

BARE = get("/bench/bare")
REQUESTS = 1500
MANY = 64  # connections
Compare = Callable[..., tuple[float, float]]


def serving(environment: dict[str, str], port: int, compare: Compare) -> Iterator[Result]:
    plain_port = free_port()
    plain = subprocess.Popen(
        _plain(plain_port), env={**os.environ, **environment}, stdout=subprocess.DEVNULL
    )
    try:
        _wait_for(plain_port)
        for connections, goal in ((1, 0.4), (MANY, 0.7)):

            def measure(port: int, connections: int = connections) -> float:
                return _seconds(port, connections)

            measure(port), measure(plain_port)
            ours, theirs = compare(lambda: measure(port), lambda: measure(plain_port), 8)
            words = "one connection" if connections == 1 else f"{connections} connections"
            yield Result(
                f"web server / plain granian, {words} (throughput)", theirs / ours, goal, "higher"
            )
    finally:
        plain.terminate()
        plain.wait()


def _plain(port: int) -> list[str]:
    return [
        *(
            sys.executable,
            "-m",
            "granian",
            "--interface=wsgi",
            "--host=127.0.0.1",
            f"--port={port}",
        ),
        *(
            "--workers=1",
            "--blocking-threads=1",
            "--no-ws",
            "--no-log",
            "grps_site.wsgi:application",
        ),
    ]


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            Connection(port).send(BARE)
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"no server on port {port}")


def _seconds(port: int, count: int) -> float:
    """Time REQUESTS requests over `count` connections, one request at a time on each."""
    with selectors.DefaultSelector() as selector:
        started = time.perf_counter()
        left = REQUESTS
        for _ in range(count):
            connection = Connection(port)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.socket.sendall(BARE)
        while left > 0:
            for key, _ in selector.select():
                status, _body = key.data.read_response()
                if status != 200:
                    raise RuntimeError(f"the server answered {status}")
                left -= 1
                key.data.socket.sendall(BARE)
        seconds = time.perf_counter() - started
        for key in list(selector.get_map().values()):
            key.data.socket.close()
    return seconds
