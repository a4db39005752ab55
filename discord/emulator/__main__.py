"""``python -m discord.emulator`` serves an emulator of Discord's API on this machine."""

import argparse
import signal
import sys
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from werkzeug.serving import WSGIRequestHandler, make_server

from discord.emulator.app import Emulator
from discord.emulator.demo import seed


class Quiet(WSGIRequestHandler):
    """Keeps connections, and logs nothing: a path may hold an interaction's token."""

    protocol_version = "HTTP/1.1"

    def log_request(self, *_: Any) -> None:
        pass


def main() -> int:
    options = _options()
    emulator = Emulator()
    if options.key:
        emulator.state.key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(options.key))
    if options.seed_demo:
        seed(emulator.state, options.roles)
    try:
        server = make_server(
            "127.0.0.1", options.port, emulator, threaded=True, request_handler=Quiet
        )
    except (OSError, SystemExit) as error:
        print(f"The emulator cannot start: {error}", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server.serve_forever()
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m discord.emulator", description=__doc__)
    add = parser.add_argument
    add("--port", type=int, default=8020)
    add("--key", default="", help="the key that signs interactions: 64 hexadecimal digits")
    add("--seed-demo", action="store_true", help="create a small guild")
    add("--roles", type=Path, help="the demo's ladder, such as config/policy.ranks.json")
    options = parser.parse_args()
    if options.seed_demo and options.roles is None:
        parser.error("--seed-demo needs --roles")
    return options


if __name__ == "__main__":
    sys.exit(main())
