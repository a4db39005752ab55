"""Fast webhook receivers on three ports: one answers 200, one 500, one 200 after LATE seconds.

``python -m bench.receiver PORT PORT PORT``
"""

import asyncio
import functools
import sys

LATE = 1.0  # seconds
FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BROKEN = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\nno"


class Receiver(asyncio.Protocol):
    """A receiver that answers each request with the same bytes after `delay` seconds."""

    def __init__(self, answer: bytes, delay: float) -> None:
        self._answer = answer
        self._delay = delay
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            start = head.find(b"content-length:") + len(b"content-length:")
            length = int(head[start : (head.find(b"\r\n", start) + 1 or len(head) + 1) - 1])
            if len(self._buffer) < end + 4 + length:
                return
            self._buffer = self._buffer[end + 4 + length :]
            if self._delay:
                asyncio.get_running_loop().call_later(self._delay, self._reply)
            else:
                self._reply()

    def _reply(self) -> None:
        assert isinstance(self._transport, asyncio.WriteTransport)
        if not self._transport.is_closing():
            self._transport.write(self._answer)


async def main(ports: list[int]) -> None:
    loop = asyncio.get_running_loop()
    kinds = [(FINE, 0.0), (BROKEN, 0.0), (FINE, LATE)]
    servers = [
        await loop.create_server(functools.partial(Receiver, answer, delay), "127.0.0.1", port)
        for port, (answer, delay) in zip(ports, kinds, strict=True)
    ]
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(main([int(port) for port in sys.argv[1:]]))
