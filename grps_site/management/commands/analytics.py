from argparse import ArgumentParser
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, transaction

from common import environment
from grps_site.analytics import (
    catalog,
    labels,
    publication,
    replication_role,
    roles,
    slots,
    status,
    views,
    warehouse,
)
from grps_site.ops import database_roles, portal_role

WAREHOUSE = "ANALYTICS_WAREHOUSE_URL"
LEVELS = ("a", "b")


class Command(BaseCommand):
    help = "Let other systems read figures: views (Level A), and a publication for a warehouse (B)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        apply = acts.add_parser("apply", help="make views, roles and publication as declared")
        apply.add_argument(
            "--level", choices=LEVELS, help="default: b if a publication is registered"
        )
        acts.add_parser("status", help="report; exit code 1 if something is wrong")
        acts.add_parser("drop", help="drop views, roles and publication")
        role = acts.add_parser("role", help="make or mend a login role for a tool")
        role.add_argument("name")
        role.add_argument("--rotate", action="store_true", help="give it a new password")
        role.add_argument("--drop", action="store_true", help="drop it")
        store = acts.add_parser("warehouse", help="make or mend the copy in a PostgreSQL of yours")
        store.add_argument("url", nargs="?", help=f"its URL; default: {WAREHOUSE}")
        store.add_argument(
            "--source", help="URL of this database for the warehouse, made otherwise"
        )
        store.add_argument("--slot", help="name of the slot; one for each warehouse")
        store.add_argument("--drop", action="store_true", help="end the subscription")

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        try:
            with database_roles.as_owner():
                getattr(self, f"_{act}")(**options)
        except (portal_role.NotPossible, DatabaseError, psycopg.Error) as error:
            raise CommandError(str(error)) from None

    def _apply(self, level: str | None, **options: Any) -> None:
        level = level or ("b" if settings.INTEGRATIONS.analytics.publication else "a")
        with transaction.atomic():
            views.apply()
            roles.grant()
            portal_role.close_to_others()
        self.stdout.write(f"The role {roles.group()} reads the views of {views.SCHEMA}.")
        if level == "b":
            self._publish()
        for label in labels.unknown():
            self.stderr.write(f"Warning: {label}.")

    def _publish(self) -> None:
        is_new = not publication.exists()
        changed = publication.apply()
        self.stdout.write(f"The publication {publication.name()} is as declared.")
        if changed and not is_new:
            self.stdout.write(
                "It changed. Run `manage.py analytics warehouse` for each warehouse now: it adds"
                " the columns and refreshes the subscription."
            )

    def _status(self, **options: Any) -> None:
        found = status.report()
        for fact in found.facts:
            self.stdout.write(fact)
        for warning in found.warnings:
            self.stderr.write(f"Warning: {warning}.")
        for finding in found.findings:
            self.stderr.write(f"{finding}.")
        if found.findings:
            raise CommandError(f"{len(found.findings)} findings; see docs/analytics.md.")

    def _drop(self, **options: Any) -> None:
        left = [slot.name for slot in slots.read() if slot.is_ours and slot.is_active]
        if left:
            raise CommandError(
                f"A warehouse reads the slot {', '.join(left)}. Run `manage.py analytics warehouse"
                " --drop` for it first."
            )
        with transaction.atomic():
            publication.drop()
            views.drop()
            roles.drop()
        self.stdout.write("Views, roles and publication are dropped.")
        for slot in slots.read():
            if slot.is_ours:
                self.stderr.write(
                    f"Warning: the slot {slot.name} keeps the log of changes. If nobody reads it:"
                    f" SELECT pg_drop_replication_slot('{slot.name}')."
                )

    def _role(self, name: str, rotate: bool, drop: bool, **options: Any) -> None:
        if drop:
            roles.drop_login(name)
            self.stdout.write(f"The role {name} is dropped.")
            return
        is_new = not portal_role.exists(name)
        password = portal_role.new_password() if rotate or is_new else None
        roles.ensure_login(name, password)
        self.stdout.write(f"The role {name} reads the schema {views.SCHEMA}.")
        if password is not None:
            self.stdout.write(f"Its URL, shown once: {catalog.url_of(name, password)}")

    def _warehouse(self, url: str | None, source: str | None, drop: bool, **options: Any) -> None:
        url = url or environment.secret(WAREHOUSE)
        if not url:
            raise CommandError(f"Give the URL of the warehouse, or set {WAREHOUSE}.")
        slot = options["slot"] or warehouse.default_slot()
        with warehouse.connected(url, slot) as store:
            if drop:
                self._end_warehouse(store, source)
                return
            store.check()
            if source:
                replication_role.grant(unquote(urlsplit(source).username or ""))
            self.stdout.write(store.subscribe(source or replication_role.renew(slot)))
            store.wait()
            self.stdout.write("Every table is copied.")

    def _end_warehouse(self, store: warehouse.Warehouse, source: str | None) -> None:
        store.unsubscribe(source or replication_role.renew(store.slot))
        if not source:
            replication_role.drop(store.slot)
        self.stdout.write("The subscription and its slot are dropped. The tables stay.")
