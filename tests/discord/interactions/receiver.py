"""Discord's side of answers and messages, on this machine."""

import itertools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    body: dict[str, Any]
    authorization: str


@dataclass
class Receiver:
    """What was called. `refuse`: statuses for the next calls, before those that succeed.

    `hang`: answer nothing for now.
    """

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    refuse: list[int] = field(default_factory=list)
    hang: bool = False
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def texts(self) -> list[str]:
        return [call.body.get("content", "") for call in self.calls]


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(size) or b"{}")
            call = Call(self.command, self.path, body, self.headers.get("authorization", ""))
            receiver.calls.append(call)
            while receiver.hang:
                time.sleep(0.01)
            status = receiver.refuse.pop(0) if receiver.refuse else 200
            said = (
                {"id": str(next(receiver.ids))} if status == 200 else {"message": "no", "code": 0}
            )
            content = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_PATCH = do_DELETE = do_PUT = _do

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
