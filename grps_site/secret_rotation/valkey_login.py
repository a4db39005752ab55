"""Rotate the password of REDIS_URL: a user of Valkey or Redis can have several passwords at once."""

import hashlib
import secrets
from contextlib import suppress
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import redis
from redis.exceptions import RedisError, ResponseError

from common.errors import Refused

PORT = 6379
NOT_KEPT = (
    "The server has no file for its users: a restart of it forgets this change. Enter it there."
)


def begin(url: str) -> tuple[str, list[str]]:
    """Give the URL's user a second password, and return the URL with it. Raises Refused.

    The second item says what is left to do.
    """
    password = secrets.token_urlsafe(32)
    steps = _change(url, f"#{_hash(password)}")
    return _with_password(url, password), steps


def end(url: str) -> list[str]:
    """Remove every password except that of the URL, and say what is left to do. Raises Refused."""
    own = _hash(unquote(urlsplit(url).password or ""))
    with _client(url) as client:
        try:
            held = client.acl_getuser(_user(url))["passwords"]
        except RedisError as error:
            raise _refused(error) from None
    former = [one for one in held if one != own]
    return _change(url, *(f"!{one}" for one in former)) if former else []


def same_login(one: str, other: str) -> bool:
    """Return whether two URLs name the same server, user and password."""
    return bool(one) and urlsplit(one).netloc == urlsplit(other).netloc


def same_user(one: str, other: str) -> bool:
    """Return whether two URLs name the same server and user."""
    first, second = urlsplit(one), urlsplit(other)
    places = [(parts.hostname, parts.port or PORT) for parts in (first, second)]
    return places[0] == places[1] and _user(one) == _user(other)


def with_password_of(url: str, other: str) -> str:
    """Return `url` with the login of the other URL."""
    return urlunsplit(urlsplit(url)._replace(netloc=urlsplit(other).netloc))


def _with_password(url: str, password: str) -> str:
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:{quote(password)}@{place}"))


def _change(url: str, *rules: str) -> list[str]:
    """Change the user by hashes, so that the server's log of commands has no password."""
    with _client(url) as client:
        try:
            client.execute_command("ACL", "SETUSER", _user(url), *rules)
        except RedisError as error:
            raise _refused(error) from None
        return [] if _is_kept(client) else [NOT_KEPT]


def _is_kept(client: redis.Redis) -> bool:
    """Write the users into the server's ACL file or configuration file, if it has one."""
    for write in (client.acl_save, client.config_rewrite):
        with suppress(ResponseError):
            write()
            return True
    return False


def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_connect_timeout=5)


def _user(url: str) -> str:
    return unquote(urlsplit(url).username or "") or "default"


def _hash(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


def _refused(error: RedisError) -> Refused:
    return Refused(
        f"The server does not let this user change its passwords ({error}): docs/secrets.md, Valkey."
    )
