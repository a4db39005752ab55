"""The role by which a warehouse reads the publication. It belongs to the operator alone.

With REPLICATION a role can decode every change of every table, whatever the publication lists.
"""

from urllib.parse import quote, urlsplit

from django.db import connection, transaction

from common.direct_database import direct_url
from grps_site.analytics import catalog, publication
from grps_site.analytics.catalog import quoted
from grps_site.ops import portal_role
from grps_site.ops.portal_role import NotPossible

CONNECTIONS = 10  # two copies of tables at a time, the stream of changes, and spare ones


def renew(name: str) -> str:
    """Make the role or give it a new password. Return its URL. Raises NotPossible."""
    password = portal_role.new_password()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolsuper OR rolcreaterole AND rolreplication FROM pg_roles"
            " WHERE rolname = current_user"
        )
        if not cursor.fetchone()[0]:
            raise NotPossible(
                "The owner of the tables may not make a role with REPLICATION. Make one as your host"
                " says, and give its URL with --source (docs/analytics.md)."
            )
        if not portal_role.exists(name):
            cursor.execute(f"CREATE ROLE {quoted(name)}")
        verifier = portal_role.verifier(cursor, password, name)
        cursor.execute(
            f"ALTER ROLE {quoted(name)} LOGIN REPLICATION CONNECTION LIMIT {CONNECTIONS}"
            f" PASSWORD {verifier}"
        )
    grant(name)
    address = urlsplit(direct_url())
    place = f"{address.hostname}:{address.port or 5432}"
    netloc = f"{quote(name)}:{quote(password, safe='')}@{place}"
    return address._replace(netloc=netloc).geturl()


def grant(name: str) -> None:
    """Let the role copy the published columns, and read nothing else by SQL."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        schema = quoted(str(cursor.fetchone()[0]))
        cursor.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {quoted(name)}")
        cursor.execute(f"GRANT CONNECT ON DATABASE {quoted(catalog.database())} TO {quoted(name)}")
        cursor.execute(f"GRANT USAGE ON SCHEMA {schema} TO {quoted(name)}")
        for table, columns in publication.tables().items():
            listed = ", ".join(quoted(column) for column in columns)
            cursor.execute(f"GRANT SELECT ({listed}) ON {quoted(table)} TO {quoted(name)}")
