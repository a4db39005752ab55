from functools import partial
from typing import Any

from django.core.management.commands import migrate
from django.db import transaction

from grps_site.analytics import schema_changes
from grps_site.ops import database_roles, patient_migrations, portal_role


class Command(migrate.Command):
    help = "Migrate as the owner of the tables (DATABASE_OWNER_URL), then let the other roles use them."

    def handle(self, *args: Any, **options: Any) -> None:
        with database_roles.as_owner() as application:
            with schema_changes.allowed() as guard:
                patient_migrations.apply(partial(super().handle, *args, **options))
            database_roles.hand_over()
            if application is not None:
                with transaction.atomic():
                    database_roles.grant(application)
            portal_role.renew()
        if guard.changed:
            self.stdout.write(schema_changes.refresh_advice(guard.changed))
