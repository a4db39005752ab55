"""A community in which one person occurs everywhere, and searches for their data."""

import io
import logging
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.contrib.sessions.models import Session
from django.db import connection
from structlog.stdlib import ProcessorFormatter

from tests.console.accounts.conftest import Roblox, provider
from tests.grps_site.http.test_turnstile import cloudflare
from tests.syncs.conftest import _world, community, game, nexus, player, pull, world
from tests.webhooks.inbound.conftest import SECRET, Sender

__all__ = [
    "_world",
    "cloudflare",
    "community",
    "game",
    "nexus",
    "player",
    "provider",
    "pull",
    "world",
]


@pytest.fixture
def notifier(settings: Any) -> Sender:
    """Return Roblox as the sender of notifications."""
    settings.ROBLOX_WEBHOOK_SECRET = SECRET
    settings.ROBLOX_WEBHOOK_SECRET_PREVIOUS = ""
    return Sender()


@pytest.fixture
def accounts(provider: str, settings: Any) -> Roblox:
    """Return Roblox as the sign-in provider."""
    app = {"client_id": "grps", "secret": "a secret", "settings": {"server_url": f"{provider}/"}}
    providers = settings.SOCIALACCOUNT_PROVIDERS
    settings.SOCIALACCOUNT_PROVIDERS = providers | {"roblox": providers["roblox"] | {"APPS": [app]}}
    return Roblox(provider)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Yield the logs of this process, written as in production, with the paths of requests."""
    handlers = [
        one for one in logging.getLogger().handlers if isinstance(one.formatter, ProcessorFormatter)
    ]
    (handler,) = [one for one in handlers if isinstance(one, logging.StreamHandler)]
    level, text = logging.getLogger().level, io.StringIO()
    before = handler.setStream(text)
    logging.getLogger().setLevel("INFO")
    logging.getLogger("grps.http").setLevel("DEBUG")
    yield text
    logging.getLogger("grps.http").setLevel(logging.NOTSET)
    logging.getLogger().setLevel(level)
    handler.setStream(before or sys.stderr)


@pytest.fixture
def mirrors(community: Any, settings: Any, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Yield the file and the stream key to which the audit log is mirrored."""
    settings.AUDIT_JSONL = str(tmp_path / "audit.jsonl")
    settings.AUDIT_STREAM_URL, settings.AUDIT_STREAM_KEY = (
        django_settings.REDIS_URL,
        f"tests:{uuid.uuid4().hex}",
    )
    yield tmp_path / "audit.jsonl", settings.AUDIT_STREAM_KEY
    with redis.Redis.from_url(django_settings.REDIS_URL) as client:
        client.delete(settings.AUDIT_STREAM_KEY)


def in_tables(*words: str) -> set[str]:
    """List every column with one of the words, as `table.column`. Sessions are decoded."""
    likes = [f"%{word}%" for word in words]
    found = set()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.table_name, c.column_name FROM information_schema.columns c"
            " JOIN information_schema.tables t USING (table_schema, table_name)"
            " WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE'"
        )
        for table, column in cursor.fetchall():
            cursor.execute(
                f'SELECT EXISTS (SELECT 1 FROM "{table}" WHERE "{column}"::text ILIKE ANY(%s::text[]))',
                [likes],
            )
            if cursor.fetchone()[0]:
                found.add(f"{table}.{column}")
    unpacked = [str(session.get_decoded()) for session in Session.objects.all()]
    return found | ({"django_session.unpacked"} if holding("\n".join(unpacked), *words) else set())


def in_valkey(*words: str) -> list[str]:
    """List every key with one of the words in its name or value."""
    with redis.Redis.from_url(django_settings.REDIS_URL) as client:
        keys = list(client.scan_iter(count=1000))
        return [repr(key) for key in keys if holding(f"{key!r} {_value(client, key)!r}", *words)]


def _value(client: "redis.Redis", key: bytes) -> Any:
    read: dict[bytes, Any] = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        b"stream": client.xrange,
    }
    kind: Any = client.type(key)
    return read[kind](key) if kind in read else b""


def holding(text: str, *words: str) -> list[str]:
    """Return the words that a text contains, in any case."""
    lowered = text.lower()
    return [word for word in words if word.lower() in lowered]
