"""`manage.py check --database default`: what GRPS needs of a PostgreSQL server.

`migrate` runs it too, as the owner of the tables. Then only what stops GRPS is reported.
"""

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import OperationalError, connection
from environ import Env

from grps_site.ops import checks, pool_modes, pooling

OLDEST = 15
GUIDE = "docs/database.md"
LOCAL = {"", "localhost", "127.0.0.1", "::1"}
ENCRYPTED = {"require", "verify-ca", "verify-full"}
# Their servers are reached through the internet, so the certificate needs to be verified.
PUBLIC = (".neon.tech", ".supabase.co", ".supabase.com", ".rds.amazonaws.com", ".rlwy.net")
WEB_PROCESSES, WORKER_PROCESSES, BEAT, SPARE = 2, 2 + 4 + 2, 1, 3
# `reset_val` is what the server set, whatever Django set since. 16 introduced reserved_connections.
FACTS = """
    SELECT current_setting('server_version_num')::int / 10000,
           (SELECT reset_val FROM pg_settings WHERE name = 'TimeZone'),
           least(current_setting('max_connections')::int
                 - current_setting('superuser_reserved_connections')::int
                 - coalesce(current_setting('reserved_connections', true)::int, 0),
                 (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user),
                 (SELECT nullif(datconnlimit, -1) FROM pg_database
                  WHERE datname = current_database()))"""


class Server(NamedTuple):
    version: int
    time_zone: str
    connections: int  # that this role may open at most


@register(Tags.database)
def check_database(*, databases: Sequence[str] | None, **_: Any) -> list[CheckMessage]:
    if "default" not in (databases or []):
        return []
    try:
        server = _server()
    except OperationalError as error:
        return [Error(f"The database cannot be reached: {error}", id="grps.E012")]
    found = _check_version(server)
    if not found and _is_application():
        found = [*_check_pool(), *_check_encryption(), *_check_time_zone(server)]
        found += [*_check_connections(server), *checks.check_database_role()]
    return found


def _server() -> Server:
    with connection.cursor() as cursor:
        cursor.execute(FACTS)
        return Server(*cursor.fetchone())


def _is_application() -> bool:
    given = Env.db_url_config(settings.DATABASE_URL)
    own = connection.settings_dict
    return all(given[name] == own[name] for name in ("USER", "HOST", "PORT"))


def _check_version(server: Server) -> list[CheckMessage]:
    if server.version >= OLDEST:
        return []
    said = f"The server is PostgreSQL {server.version}. GRPS needs {OLDEST} or later."
    return [Error(said, "Upgrade the server.", id="grps.E010")]


def _check_pool() -> list[CheckMessage]:
    if settings.DATABASE_POOL == pool_modes.UNPREPARED:
        return []
    pool = pooling.probe()
    if not pool.carries_prepared:
        return [Error(pooling.NOT_CARRIED, f"{GUIDE} says what each host needs.", id="grps.E011")]
    if pool.changes_server and settings.DATABASE_POOL != pool_modes.TRANSACTION:
        return [Warning(pooling.UNDECLARED, f"{GUIDE} says why.", id="grps.W011")]
    return []


def _check_encryption() -> list[CheckMessage]:
    own = connection.settings_dict
    host, mode = own["HOST"], own["OPTIONS"].get("sslmode") or os.environ.get("PGSSLMODE", "")
    is_private = host in LOCAL or "." not in host or host.endswith(".internal")
    if is_private or (mode in ENCRYPTED and not host.endswith(PUBLIC)) or mode == "verify-full":
        return []
    said = (
        "The connection to the database is encrypted, but the server's certificate is not verified."
        if mode in ENCRYPTED
        else "The connection to the database need not be encrypted."
    )
    hint = f"Add sslmode=verify-full and sslrootcert to DATABASE_URL: {GUIDE}, Encryption."
    return [Warning(said, hint, id="grps.W012")]


def _check_time_zone(server: Server) -> list[CheckMessage]:
    """Django sets the zone of each connection. Behind a transaction pool another one may answer."""
    if server.time_zone in {"UTC", "Etc/UTC", "GMT", "Etc/GMT"}:
        return []
    said = f"TimeZone of the database is {server.time_zone}."
    hint = "Run ALTER DATABASE … SET timezone = 'UTC'; as its owner."
    if pool_modes.is_transaction(settings.DATABASE_POOL):
        return [Error(f"{said} Days would be wrong behind a pool.", hint, id="grps.E013")]
    return [Warning(said, hint, id="grps.W013")]


def _check_connections(server: Server) -> list[CheckMessage]:
    """Compare with one machine's processes, as docs/run.md starts them. A pool has its own limit."""
    if settings.DATABASE_POOL != pool_modes.NONE:
        return []
    needed = WEB_PROCESSES * settings.WEB_THREADS + WORKER_PROCESSES + BEAT + SPARE
    if needed <= server.connections:
        return []
    said = (
        f"The database allows {server.connections} connections. The processes of one machine need"
        f" {needed}: {WEB_PROCESSES} web processes with {settings.WEB_THREADS} threads each,"
        f" {WORKER_PROCESSES} of workers, beat, and {SPARE} for commands."
    )
    return [Warning(said, f"Raise max_connections, or use a pool: {GUIDE}.", id="grps.W014")]
