"""The role by which a warehouse reads the publication. It belongs to the operator alone.

With REPLICATION a role can decode every change of every table, whatever the publication lists.
"""

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from grps_site.analytics import catalog, publication
from grps_site.analytics.catalog import quoted
from grps_site.ops import portal_role
from grps_site.ops.portal_role import NotPossible

CONNECTIONS = 10  # two copies of tables at a time, the stream of changes, and spare ones
POWERS = """
    SELECT rolsuper OR rolcreaterole AND rolreplication FROM pg_roles
    WHERE rolname = current_user"""
MARK = "Made by manage.py analytics warehouse"
COMMENT = "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = %s"

# A superuser keeps every right, whatever is revoked.
WRITES = """
    SELECT NOT rolsuper AND (has_table_privilege(rolname, 'players', 'INSERT')
        OR pg_has_role(rolname, (SELECT relowner FROM pg_class WHERE oid = 'players'::regclass), 'MEMBER'))
    FROM pg_roles WHERE rolname = %s"""


def renew(name: str) -> str:
    """Make the role or give it a new password. Return its URL. Raises NotPossible."""
    password = portal_role.new_password()
    with transaction.atomic(), connection.cursor() as cursor:
        _check_own_powers(cursor)
        _make(cursor, name)
        verifier = portal_role.verifier(cursor, password, name)
        cursor.execute(
            f"ALTER ROLE {quoted(name)} LOGIN REPLICATION CONNECTION LIMIT {CONNECTIONS}"
            f" PASSWORD {verifier}"
        )
    grant(name)
    return catalog.url_of(name, password)


def grant(name: str) -> None:
    """Let the role copy the published columns, and read nothing else by SQL.

    Raises NotPossible for a role that GRPS itself works with: its own rights would be taken.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        _check_reads_only(cursor, name)
        schema = quoted(catalog.schema())
        cursor.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {quoted(name)}")
        cursor.execute(f"GRANT CONNECT ON DATABASE {quoted(catalog.database())} TO {quoted(name)}")
        cursor.execute(f"GRANT USAGE ON SCHEMA {schema} TO {quoted(name)}")
        for table, columns in publication.tables().items():
            listed = ", ".join(quoted(column) for column in columns)
            cursor.execute(f"GRANT SELECT ({listed}) ON {quoted(table)} TO {quoted(name)}")


def drop(name: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        schema = quoted(catalog.schema())
        cursor.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {quoted(name)}")
        cursor.execute(f"REVOKE ALL ON SCHEMA {schema} FROM {quoted(name)}")
        cursor.execute(f"REVOKE ALL ON DATABASE {quoted(catalog.database())} FROM {quoted(name)}")
        cursor.execute(f"DROP ROLE {quoted(name)}")


def _make(cursor: CursorWrapper, name: str) -> None:
    """Make the role and mark it. Raises NotPossible if another role has the name."""
    mark = f"COMMENT ON ROLE {quoted(name)} IS '{MARK}'"
    if not portal_role.exists(name):
        cursor.execute(f"CREATE ROLE {quoted(name)}")
        cursor.execute(mark)
        return
    cursor.execute(COMMENT, [name])
    if cursor.fetchone()[0] != MARK:
        raise NotPossible(
            f"The role {name} exists and this command did not make it. Choose another --slot. If an"
            f" earlier version made it, run `{mark}` as an administrator, then this again."
        )


def _check_reads_only(cursor: CursorWrapper, name: str) -> None:
    cursor.execute(WRITES, [name])
    writes = cursor.fetchone()
    if writes is None:
        raise NotPossible(f"There is no role {name}: make the role that --source names first.")
    if writes[0]:
        raise NotPossible(
            f"The role {name} writes GRPS's tables. Make a role for the warehouse alone, and give"
            " its URL with --source (docs/analytics.md)."
        )


def _check_own_powers(cursor: CursorWrapper) -> None:
    cursor.execute(POWERS)
    if not cursor.fetchone()[0]:
        raise NotPossible(
            "The owner of the tables may not make a role with REPLICATION. Make one as your host"
            " says, and give its URL with --source (docs/analytics.md)."
        )
