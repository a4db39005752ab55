"""A transaction pool in front of one database: ``python -m tests.pooling.pooler URL``.

Like PgBouncer from 1.21 it carries prepared statements: each text has one name on the servers, and
is prepared where a client needs it. With ``--mixing`` it forwards the clients' own names, as
PgBouncer 1.18 does. Clients need no password.

The message formats are those of PostgreSQL's documentation, "Frontend/Backend Protocol".
"""

import argparse
import asyncio
import os
import signal
import socket
import struct
import sys
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import psycopg
import uvloop

SSL_REQUESTS = {80877103, 80877104}  # TLS and GSS encryption
CANCEL_REQUEST = 80877102
EXTENDED = b"PBDECH"
HANDLED = b"EZ13"  # kinds of answers that `Client.answer` looks at
REPORTED = (
    "server_version",
    "server_encoding",
    "client_encoding",
    "DateStyle",
    "IntervalStyle",
    "TimeZone",
    "integer_datetimes",
    "standard_conforming_strings",
)
FORGETTING = (b"DEALLOCATE ALL", b"DISCARD ALL")
NO_STATEMENT = b"no_such_statement"
FORWARD, DROP, SYNC = "forward", "drop", "sync"


def message(kind: bytes, payload: bytes) -> bytes:
    return kind + struct.pack("!i", len(payload) + 4) + payload


async def read_message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readexactly(5)
    (size,) = struct.unpack("!i", head[1:])
    return head[:1], await reader.readexactly(size - 4)


@dataclass
class Server:
    """A connection to PostgreSQL, signed in by libpq."""

    signed_in: "psycopg.Connection[Any]"
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    prepared: set[bytes] = field(default_factory=set)
    # What to do with the answers to Parse and Close, in their order, and where a Sync ends them.
    answers: deque[tuple[str, bytes]] = field(default_factory=deque)

    @classmethod
    async def connect(cls, url: str) -> "Server":
        signed_in = await asyncio.to_thread(psycopg.connect, url, autocommit=True)
        own = socket.socket(fileno=os.dup(signed_in.pgconn.socket))
        own.setblocking(False)
        return cls(signed_in, *await asyncio.open_connection(sock=own, limit=1 << 24))

    def send(self, kind: bytes, payload: bytes) -> None:
        self.writer.write(message(kind, payload))


class Pooler:
    def __init__(self, url: str, size: int, *, mixing: bool) -> None:
        self.url, self.size, self.mixing = url, size, mixing
        # None stands for a connection that was lost.
        self.free: asyncio.LifoQueue[Server | None] = asyncio.LifoQueue()
        self.names: dict[bytes, bytes] = {}  # the name of each statement on all servers

    async def start(self) -> None:
        for _ in range(self.size):
            self.free.put_nowait(await Server.connect(self.url))

    async def take(self) -> Server:
        """Wait for a connection. Raises OperationalError if it cannot be made again."""
        server = await self.free.get()
        # `at_eof` is false as long as the server's last words are unread.
        if server is not None and not server.reader._eof:  # type: ignore[attr-defined]
            return server
        try:
            return await Server.connect(self.url)
        except psycopg.OperationalError:
            self.free.put_nowait(None)
            raise

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Client(self, reader, writer)
        try:
            if await client.sign_in():
                await client.run()
        except (asyncio.IncompleteReadError, ConnectionError, psycopg.OperationalError):
            pass
        finally:
            writer.close()
            if client.server is not None:  # within a transaction, which closing rolls back
                client.forwarding.cancel()
                client.server.writer.close()
                client.server.signed_in.close()
                self.free.put_nowait(None)

    def name_of(self, statement: bytes) -> bytes:
        return self.names.setdefault(statement, b"pooled_%d" % len(self.names))


class Client:
    def __init__(
        self, pooler: Pooler, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.pooler, self.reader, self.writer = pooler, reader, writer
        self.server: Server | None = None
        self.statements: dict[bytes, bytes] = {}  # what Parse carried, by the client's name
        self.unanswered = 0  # messages that end with ReadyForQuery
        self.unsynced = False
        self.is_over = False  # the transaction
        self.forwarding: asyncio.Task[None]

    async def sign_in(self) -> bool:
        while True:
            (size,) = struct.unpack("!i", await self.reader.readexactly(4))
            (code,) = struct.unpack("!i", (await self.reader.readexactly(size - 4))[:4])
            if code not in SSL_REQUESTS:
                break
            self.writer.write(b"N")
        if code == CANCEL_REQUEST:
            return False
        server = await self.pooler.take()
        self.pooler.free.put_nowait(server)
        self.writer.write(message(b"R", struct.pack("!i", 0)))
        for name in REPORTED:
            value = server.signed_in.pgconn.parameter_status(name.encode()) or b""
            self.writer.write(message(b"S", name.encode() + b"\0" + value + b"\0"))
        self.writer.write(message(b"K", struct.pack("!ii", 1, 1)) + message(b"Z", b"I"))
        return True

    async def run(self) -> None:
        while True:
            kind, payload = await read_message(self.reader)
            if kind == b"X":
                return
            if self.server is None:
                self.server = await self.pooler.take()
                self.forwarding = asyncio.create_task(self.forward(self.server))
            self.pass_on(self.server, kind, payload)
            await self.server.writer.drain()

    def pass_on(self, server: Server, kind: bytes, payload: bytes) -> None:
        if kind in b"QSF":
            self.unanswered += 1
            self.unsynced = False
            server.answers.append((SYNC, b""))
        elif kind in EXTENDED:
            self.unsynced = True
        if self.pooler.mixing or kind not in b"PBDCQ":
            server.send(kind, payload)
        elif kind == b"Q":
            self.forget(server, payload)
            server.send(kind, payload)
        else:
            {b"P": self.parse, b"B": self.bind, b"D": self.describe, b"C": self.close}[kind](
                server, payload
            )

    def forget(self, server: Server, statement: bytes) -> None:
        if statement.upper().startswith(FORGETTING):
            server.prepared.clear()

    def parse(self, server: Server, payload: bytes) -> None:
        name, _, statement = payload.partition(b"\0")
        if not name:
            self.forget(server, statement)
            server.answers.append((FORWARD, b""))
            server.send(b"P", payload)
            return
        self.statements[name] = statement
        server_name = self.pooler.name_of(statement)
        if server_name in server.prepared:  # Close of nothing, whose answer stands for Parse's
            server.answers.append(("1", b""))
            server.send(b"C", b"S" + NO_STATEMENT + b"\0")
        else:
            self.prepare(server, server_name, statement, FORWARD)

    def prepare(self, server: Server, name: bytes, statement: bytes, answer: str) -> None:
        server.prepared.add(name)
        server.answers.append((answer, name))
        server.send(b"P", name + b"\0" + statement)

    def known(self, server: Server, name: bytes) -> bytes:
        """Return the name on the server of the client's statement, prepared there."""
        if name not in self.statements:
            return name or b""
        statement = self.statements[name]
        server_name = self.pooler.name_of(statement)
        if server_name not in server.prepared:
            self.prepare(server, server_name, statement, DROP)
        return server_name

    def bind(self, server: Server, payload: bytes) -> None:
        portal, name, rest = payload.split(b"\0", 2)
        server.send(b"B", b"\0".join((portal, self.known(server, name), rest)))

    def describe(self, server: Server, payload: bytes) -> None:
        if payload[:1] == b"S":
            payload = b"S" + self.known(server, payload[1:-1]) + b"\0"
        server.send(b"D", payload)

    def close(self, server: Server, payload: bytes) -> None:
        if payload[:1] == b"S" and self.statements.pop(payload[1:-1], None):
            payload = b"S" + NO_STATEMENT + b"\0"  # other clients go on with it
        server.answers.append((FORWARD, b""))
        server.send(b"C", payload)

    async def forward(self, server: Server) -> None:
        try:
            await self.forward_transaction(server)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.writer.close()  # the server ended, and `serve` gives its place back

    async def forward_transaction(self, server: Server) -> None:
        """Forward what the server sends, as much at once as has arrived: results have many rows."""
        received = b""
        while True:
            chunk = await server.reader.read(1 << 18)
            if not chunk:
                raise ConnectionError("the server ended")
            received = self.forward_messages(server, received + chunk)
            if self.is_over:
                self.server, self.is_over = None, False
                self.pooler.free.put_nowait(server)
                return
            await self.writer.drain()

    def forward_messages(self, server: Server, received: bytes) -> bytes:
        """Forward the whole messages in `received`, and return the rest."""
        begin = at = 0
        while len(received) >= at + 5:
            (size,) = struct.unpack_from("!i", received, at + 1)
            end = at + 1 + size
            if end > len(received):
                break
            kind = received[at : at + 1]
            if kind in HANDLED:
                self.writer.write(received[begin:at])
                answer = self.answer(server, kind)
                self.writer.write(answer + received[at + 1 : end] if answer else b"")
                begin = end
            if kind == b"Z":
                self.unanswered -= 1
                is_idle = received[end - 1 : end] == b"I"
                self.is_over = is_idle and not self.unanswered and not self.unsynced
            at = end
        self.writer.write(received[begin:at])
        return received[at:]

    def answer(self, server: Server, kind: bytes) -> bytes:
        """Return the kind of message that the client gets for one of the server, empty for none."""
        answers = server.answers
        if kind == b"E":
            while answers and answers[0][0] != SYNC:  # the server skips everything before Sync
                server.prepared.discard(answers.popleft()[1])
        elif kind == b"Z":
            answers.popleft()
        elif kind in b"13" and not self.pooler.mixing:
            what, _ = answers.popleft()
            return {FORWARD: kind, DROP: b""}.get(what, what.encode())
        return kind


async def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.pooling.pooler", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--size", type=int, default=6)
    parser.add_argument("--mixing", action="store_true")
    options = parser.parse_args()
    pooler = Pooler(options.url, options.size, mixing=options.mixing)
    await pooler.start()
    listening = await asyncio.start_server(pooler.serve, "127.0.0.1", 0, limit=1 << 24)
    print(listening.sockets[0].getsockname()[1], flush=True)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()


if __name__ == "__main__":
    sys.exit(uvloop.run(main()))
