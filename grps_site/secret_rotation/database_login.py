"""Rotate DATABASE_URL: two login roles take turns in one group, which holds the privileges."""

import secrets
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from django.db import connection

from grps_site.ops import database_roles

LOGINS = """
    SELECT r.rolname FROM pg_roles r
    WHERE r.rolcanlogin AND r.rolname <> current_user AND r.rolname IN (%s, %s, %s)"""


def begin(url: str) -> tuple[str, list[str]]:
    """Return a URL with the other login role, and the SQL that an administrator runs for it."""
    role, group = _current()
    other = f"{group}_a" if role == f"{group}_b" else f"{group}_b"
    password = secrets.token_urlsafe(32)
    exists = _one("SELECT count(*) FROM pg_roles WHERE rolname = %s", other)
    verb = "ALTER ROLE" if exists else "CREATE ROLE"
    sql = [f"{verb} {_name(other)} LOGIN PASSWORD '{_verifier(password, other)}';"]
    sql += [f"GRANT {_name(group)} TO {_name(other)};"]
    return _with_login(url, other, password), sql


def end() -> list[str]:
    """Return the SQL that closes the logins which DATABASE_URL no longer uses."""
    return [f"ALTER ROLE {_name(role)} NOLOGIN PASSWORD NULL;" for role in former()]


def former() -> list[str]:
    """Return the roles of the group that may log in, except that of this connection."""
    _, group = _current()
    with connection.cursor() as cursor:
        cursor.execute(LOGINS, [group, f"{group}_a", f"{group}_b"])
        return [role for (role,) in cursor.fetchall()]


def same_login(one: str, other: str) -> bool:
    """Return whether two URLs have the same role and password."""
    return urlsplit(one).netloc.rpartition("@")[0] == urlsplit(other).netloc.rpartition("@")[0]


def with_login_of(url: str, other: str) -> str:
    """Return `url` with the role and the password of the other URL."""
    parts = urlsplit(url)
    login, place = urlsplit(other).netloc.rpartition("@")[0], parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{login}@{place}"))


def _current() -> tuple[str, str]:
    """Return the role of this connection, and the group whose privileges it has."""
    role = str(_one("SELECT current_user"))
    with connection.cursor() as cursor:
        return role, database_roles.group_of(cursor, role)


def _one(query: str, *parameters: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        row = cursor.fetchone()
    return row[0] if row else None


def _verifier(password: str, role: str) -> str:
    """Return what the server stores of a password, so that its log never has the password."""
    connection.ensure_connection()
    found = connection.connection.pgconn.encrypt_password(
        password.encode(), role.encode(), b"scram-sha-256"
    )
    return str(found.decode())


def _name(role: str) -> str:
    return connection.ops.quote_name(role)


def _with_login(url: str, role: str, password: str) -> str:
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(role, safe='')}:{quote(password)}@{place}"))
