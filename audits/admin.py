"""Show the audit log in the admin, read only."""

from django.contrib import admin

from audits.models import AuditEvent, Seal
from common.admin import ReadOnly
from common.parsing import whole_number


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly):
    list_display = (
        "id",
        "at",
        "action",
        "actor_kind",
        "actor_id",
        "target_kind",
        "target_id",
        "experience",
    )
    exactly = {"pk": whole_number, "action": str.lower}
    indexed = (("target_kind", "target_id"), ("action",))


@admin.register(Seal)
class SealAdmin(ReadOnly):
    list_display = ("number", "first_position", "last_position", "at", "key_id")
