"""The audit log to read: nothing can be added, changed or deleted here, nor anywhere."""

from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.functional import cached_property

from audits.models import AuditEvent, Seal


class Uncounted(Paginator):  # type: ignore[type-arg]
    """Pages without COUNT(*): a list of a million rows opens at once."""

    @cached_property
    def count(self) -> int:
        return 10_000


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows are changed by verbs alone, never by a form."""

    paginator = Uncounted
    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly):
    list_display = ("id", "at", "action", "actor_kind", "actor_id", "target_kind", "target_id", "experience")
    ordering = ("-id",)
    search_fields = ("=target_id", "=action")


@admin.register(Seal)
class SealAdmin(ReadOnly):
    list_display = ("number", "first_position", "last_position", "at", "key_id")
    ordering = ("-number",)
