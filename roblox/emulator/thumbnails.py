"""Headshots, drawn from the user's id: a symmetric pattern in one colour."""

import hashlib
import struct
import zlib

from werkzeug import Response

from roblox.emulator.calls import Call
from roblox.emulator.errors import invalid, not_found
from roblox.emulator.responses import respond
from roblox.emulator.users import find

IDS_AT_ONCE = 100
CELLS, CELL = 5, 30  # cells in a row, pixels in a cell
GROUND = b"\xf2\xf4\xf8"


def find_headshots(call: Call) -> Response:
    """List where the headshots of these users are, without unknown users."""
    ids = call.query("userIds").split(",")
    if not all(one.isdecimal() and len(one) < 19 for one in ids) or len(ids) > IDS_AT_ONCE:
        raise invalid("The requested user ids are invalid.")
    known = [int(one) for one in ids if find(call.store.read(), int(one))]
    return respond({"data": [_headshot(call, number) for number in known]})


def get_headshot(call: Call) -> Response:
    number = int(call.path["user"])
    if find(call.store.read(), number) is None:
        raise not_found(f"User {number} was not found.")
    return Response(drawn(number), content_type="image/png")


def drawn(number: int) -> bytes:
    """Return the PNG of a user, 150 pixels wide and high."""
    digest = hashlib.sha256(str(number).encode()).digest()
    colour = bytes(64 + byte // 2 for byte in digest[:3])
    rows = []
    for row in range(CELLS):
        marks = [digest[3 + row * CELLS + min(at, CELLS - 1 - at)] % 2 for at in range(CELLS)]
        line = b"".join((colour if mark else GROUND) * CELL for mark in marks)
        rows += [b"\0" + line] * CELL
    header = struct.pack(">IIBBBBB", CELLS * CELL, CELLS * CELL, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)


def _headshot(call: Call, number: int) -> dict[str, object]:
    address = f"{call.request.host_url}headshots/{number}"
    return {"targetId": number, "state": "Completed", "imageUrl": address, "version": "TN3"}


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
