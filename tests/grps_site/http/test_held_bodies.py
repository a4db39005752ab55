"""The web server's count of bytes in memory is right, however a body ends."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from grps_site.server import application

CHUNKED = {
    "PATH_INFO": "/roblox/events",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "HTTP_TRANSFER_ENCODING": "chunked",
}
PIECE = b"x" * 65_536


def read(*messages: dict[str, Any]) -> bytes:
    coming: Iterator[dict[str, Any]] = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(coming)

    return asyncio.run(application._body(dict(CHUNKED), receive))


def piece(*, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": PIECE, "more_body": more}


def test_a_refused_chunked_body_frees_its_memory_once() -> None:
    before = application._buffered
    for _ in range(3):
        with pytest.raises(application.RequestRefused):
            read(*[piece()] * 64)
        assert application._buffered == before


def test_a_client_that_hangs_up_frees_what_it_held() -> None:
    before = application._buffered
    with pytest.raises(application.Disconnected):
        read(piece(), piece(), {"type": "http.disconnect"})
    assert application._buffered == before


def test_a_body_that_is_whole_is_held_until_it_is_answered() -> None:
    before = application._buffered
    assert read(piece(), piece(more=False)) == PIECE * 2
    assert application._buffered == before + 2 * len(PIECE)
    application._count_buffered(-2 * len(PIECE))
