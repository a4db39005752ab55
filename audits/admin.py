"""The audit log to read: nothing can be added, changed or deleted here, nor anywhere."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst

from audits.changelists import LARGEST, Behind
from audits.models import AuditEvent, Seal


def whole(term: str) -> int | None:
    """What somebody typed, as an id; None when it is none."""
    return int(term) if term.isascii() and term.isdigit() and int(term) <= LARGEST else None


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows are changed by verbs alone, never by a form.

    `exactly`: what a search is held against, each an indexed field and how to read the term (None: it is not for that
    field). `indexed`: sets of fields that an index leads to; other filters look at the newest rows. `few`: some dozen
    rows at most, listed in the order of their model.
    """

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()
    exactly: dict[str, Callable[[str], Any]] = {}
    indexed: tuple[tuple[str, ...], ...] = ()
    few = False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ChangeList if self.few else Behind

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return tuple(self.exactly) or tuple(self.search_fields)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = {"title": capfirst(self.opts.verbose_name_plural)}
        return super().changelist_view(request, title | (extra_context or {}))

    def finds(self, term: str) -> dict[str, Any]:
        """The fields that a term can be held against, with the value."""
        read = {field: value(term.strip()) for field, value in self.exactly.items()}
        return {field: value for field, value in read.items() if value is not None}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not self.exactly or not search_term.strip():
            return super().get_search_results(request, queryset, search_term)
        field, value = next(iter(self.finds(search_term).items()), (None, None))
        return (queryset.filter(**{field: value}) if field else queryset.none()), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly):
    list_display = ("id", "at", "action", "actor_kind", "actor_id", "target_kind", "target_id", "experience")
    exactly = {"pk": whole, "action": str.lower}
    indexed = (("target_kind", "target_id"), ("action",))


@admin.register(Seal)
class SealAdmin(ReadOnly):
    list_display = ("number", "first_position", "last_position", "at", "key_id")
