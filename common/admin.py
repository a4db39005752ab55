"""Base classes of the admin: read-only models, and change lists whose pages cost the same at any
number of rows.

Where filters narrow a list and no index serves them, one page looks at the next LOOKED rows at
most, and says so.
"""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst

from common.parsing import LARGEST, whole_number

PAGE = 50
LOOKED = 5_000


class KeysetChangeList(ChangeList):
    """Rows by falling key, below the key that the query string names as `p`. `older`: the next
    page's, if any.
    """

    model_admin: Any  # a ReadOnly
    older = ""
    cut = False
    by_key = True
    looked = LOOKED

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        return ["-pk"]

    def get_results(self, request: HttpRequest) -> None:
        given = request.GET.get(PAGE_VAR, "")
        key = whole_number(given)
        self.paged = key is not None
        below = LARGEST if key is None else key
        rows = self.queryset.filter(pk__lt=below)
        floor = self._floor(below) if self._scans() else None
        if floor is not None:
            rows = rows.filter(pk__gte=floor)
        found = list(rows[: PAGE + 1])
        self.result_list = found[:PAGE]
        if len(found) > PAGE:
            self.older = str(found[PAGE - 1].pk)
        elif floor is not None:
            self.older, self.cut = str(floor), True
        self.result_count = len(self.result_list)
        self.full_result_count = None
        self.show_full_result_count = self.can_show_all = self.multi_page = False
        self.show_admin_actions = True
        self.paginator = None

    @property
    def older_link(self) -> str:
        return self.get_query_string({PAGE_VAR: self.older})

    @property
    def first_link(self) -> str:
        return self.get_query_string(remove=[PAGE_VAR])

    def _scans(self) -> bool:
        """Whether the rows that fit may lie anywhere, with no index that leads to them."""
        asked = {name.split("__exact")[0] for name in self.get_filters_params()}
        if self.query and not self.model_admin.finds(self.query):
            return True
        return bool(asked) and not any(asked >= set(one) for one in self.model_admin.indexed)

    def _floor(self, below: int) -> int | None:
        """The key down to which this page looks; None when that is the last one anyway."""
        keys = self.root_queryset.filter(pk__lt=below).order_by("-pk").values_list("pk", flat=True)
        return next(iter(keys[LOOKED - 1 : LOOKED]), None)


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows are changed by verbs alone, never by a form.

    `exactly`: what a search is held against, each an indexed field and how to read the term (None:
    it is not for that field). `indexed`: sets of fields that an index leads to; other filters look
    at the newest rows. `few`: some dozen rows at most, listed in the order of their model.
    """

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()
    exactly: dict[str, Callable[[str], Any]] = {}
    indexed: tuple[tuple[str, ...], ...] = ()
    few = False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ChangeList if self.few else KeysetChangeList

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return tuple(self.exactly) or tuple(self.search_fields)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
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
