"""What `manage.py analytics status` reports."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg
from django.conf import settings
from django.db import connection

from common import environment
from grps_site.analytics import catalog, labels, publication, roles, slots, views
from grps_site.analytics.catalog import literal
from grps_site.ops.database_roles import role_of

SERVER = """
    SELECT current_setting('wal_level'),
           (SELECT setting::bigint FROM pg_settings WHERE name = 'max_slot_wal_keep_size')"""
REACHABLE = """
    SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname <> {views}
      AND n.nspname NOT IN ('pg_catalog', 'information_schema')
      AND has_schema_privilege(n.oid, 'USAGE') AND (
        has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
        OR has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE'))
    ORDER BY 1 LIMIT 1"""


@dataclass
class Report:
    """Facts, warnings, and findings: what is wrong and needs an act of the operator."""

    facts: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)


def report() -> Report:
    """Report on views, publication, slots and the registered credential."""
    found = Report()
    _report_views(found)
    _report_publication(found)
    _report_slots(found)
    found.findings += publication.defects()
    found.warnings += labels.unknown()
    found.warnings += [
        f"publication {name} has columns that config/analytics.json does not publish"
        for name in publication.others()
    ]
    found.findings += _credential()
    return found


def _report_views(found: Report) -> None:
    if not views.are_applied():
        found.facts.append("Level A: not applied")
        return
    found.facts.append(f"Level A: {len(catalog.declared())} views in the schema {views.SCHEMA}")
    found.facts.append(f"logins: {', '.join(roles.logins()) or 'none'}")
    found.findings += [f"view {name} is not as declared" for name in views.outdated()]


def _report_publication(found: Report) -> None:
    if not publication.exists():
        found.facts.append("Level B: not applied")
        if settings.INTEGRATIONS.analytics.publication:
            found.findings.append(f"publication {publication.name()} is registered and missing")
        return
    found.facts.append(f"Level B: {len(publication.tables())} tables in {publication.name()}")
    found.findings += [
        f"publication {publication.name()}: {table} is not as declared"
        for table in publication.outdated()
    ]


def _report_slots(found: Report) -> None:
    with connection.cursor() as cursor:
        cursor.execute(SERVER)
        wal_level, limit = cursor.fetchone()
    if publication.exists() and wal_level != "logical":
        found.findings.append(f"wal_level is {wal_level}: Level B needs logical, and a restart")
    if publication.exists() and limit == -1:
        found.warnings.append(
            "max_slot_wal_keep_size is -1: a slot that nobody reads fills the disk. Set 10 GB, or a"
            " fifth of the disk"
        )
    for slot in slots.read():
        state = "lost" if slot.is_lost else "active" if slot.is_active else "not read"
        found.facts.append(f"slot {slot.name}: {state}, {slot.retained / 1e6:.1f} MB retained")
    found.findings += [
        f"slot {name} is lost: run `manage.py analytics warehouse`" for name in slots.lost()
    ]


def _credential() -> Iterator[str]:
    """Try the registered URL: it must read the views and nothing else."""
    registered = settings.INTEGRATIONS.analytics
    name = registered.url.env
    url = environment.secret(name)
    if not url:
        return
    if role_of(url) != registered.role:
        yield f"{name} is of the role {role_of(url)}, and {registered.role} is registered"
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=10) as reader:
            reader.execute(f"SELECT 1 FROM {views.SCHEMA}.players LIMIT 1")
            row = reader.execute(REACHABLE.format(views=literal(views.SCHEMA))).fetchone()
    except psycopg.Error as error:
        yield f"{name} does not work: {str(error).splitlines()[0]}"
        return
    if row:
        yield f"the role of {name} may read or write {row[0]}"
