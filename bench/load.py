"""A fast HTTP client on raw sockets with prepared requests, so that timings are the server's."""

import socket
import time
from collections.abc import Mapping, Sequence


class Connection:
    """An HTTP/1.1 connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def send(self, request: bytes) -> tuple[int, bytes]:
        """Send a request and return the status and the body."""
        self.socket.sendall(request)
        return self.read_response()

    def pipeline(self, request: bytes, count: int) -> float:
        """Send `count` equal requests at once. Returns the seconds until the last response."""
        started = time.perf_counter()
        self.socket.sendall(request * count)
        for _ in range(count):
            status, _body = self.read_response()
            if status != 200:
                raise RuntimeError(f"the server answered {status}")
        return time.perf_counter() - started

    def timed(self, requests: Sequence[bytes]) -> list[float]:
        """Send requests one after the other. Returns the seconds of each."""
        seconds = []
        for request in requests:
            started = time.perf_counter()
            status, body = self.send(request)
            seconds.append(time.perf_counter() - started)
            if status != 200:
                raise RuntimeError(f"the server answered {status}: {body[:300]!r}")
        return seconds

    def read_response(self) -> tuple[int, bytes]:
        """Return the status and the body of the next response."""
        while (end := self.buffer.find(b"\r\n\r\n")) < 0:
            self._receive()
        head, self.buffer = self.buffer[:end], self.buffer[end + 4 :]
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        while len(self.buffer) < length:
            self._receive()
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return int(head[9:12]), body

    def _receive(self) -> None:
        received = self.socket.recv(262_144)
        if not received:
            raise ConnectionError("the server closed the connection")
        self.buffer += received


def get(path: str, headers: Mapping[str, str] | None = None) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: bench\r\n{lines}\r\n".encode()


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{lines}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
