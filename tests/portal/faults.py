"""A TCP proxy that goes wrong on demand, between the portal and what it asks."""

import os
import selectors
import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Literal

from tests.conftest import free_port

Fault = Literal["none", "refuse", "hang", "slow", "garbage"]
PIECE = 65_536
SLOW = 0.05  # seconds between two bytes of an answer


class FaultyProxy:
    """Forward connections to `target`, or spoil them as `fault` says.

    `refuse`: connections are refused, and open ones reset. `hang`: they are accepted and nothing is
    answered. `slow`: answers come byte by byte. `garbage`: answers are random bytes.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.fault: Fault = "none"
        self.connections = 0  # since the fault was set
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._ends = False
        self.port = free_port()

    def __enter__(self) -> "FaultyProxy":
        self._listen()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ends = True
        self._refuse()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def set(self, fault: Fault) -> None:
        """Switch to `fault`. It also applies to connections that are open already."""
        former, self.fault, self.connections = self.fault, fault, 0
        if fault == "refuse":
            self._refuse()
        elif former == "refuse":
            self._listen()

    def _listen(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(128)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _refuse(self) -> None:
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)  # wakes `accept`
            self._listener.close()
            self._listener = None
        with self._lock:
            for one in self._open:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.socket() as server:
            with self._lock:
                self._open |= {client, server}
            try:
                server.connect(self.target)
                self._forward(client, server)
            except OSError:
                pass  # one of both went away, which ends the connection
            finally:
                with self._lock:
                    self._open -= {client, server}

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(client, selectors.EVENT_READ, server)
            selector.register(server, selectors.EVENT_READ, client)
            while not self._ends:
                for key, _ in selector.select(timeout=0.1):
                    if self.fault == "hang":
                        time.sleep(0.02)
                        continue
                    piece = key.fileobj.recv(PIECE)  # type: ignore[union-attr]
                    if not piece:
                        return
                    self._send(piece, key.data, answers=key.data is client)

    def _send(self, piece: bytes, to: socket.socket, *, answers: bool) -> None:
        if answers and self.fault == "garbage":
            to.sendall(os.urandom(len(piece)))
        elif answers and self.fault == "slow":
            self._send_slowly(piece, to)
        else:
            to.sendall(piece)

    def _send_slowly(self, piece: bytes, to: socket.socket) -> None:
        sent = 0
        while sent < len(piece) and self.fault == "slow" and not self._ends:
            to.sendall(piece[sent : sent + 1])
            sent += 1
            time.sleep(SLOW)
        to.sendall(piece[sent:])
