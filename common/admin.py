"""Base classes of the admin: read-only models and lists whose pages cost the same at any size.

If no index serves the filters of a list, one page checks the next LOOKED rows at most, and shows
that.
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
    """Rows by descending key, below the key in the query string as `p`.

    `older` is the key for the next page, "" if there is none. `cut`: the page stopped after LOOKED
    rows.
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
        """Return whether no index finds the matching rows, so that they may be anywhere."""
        asked = {name.split("__exact")[0] for name in self.get_filters_params()}
        if self.query and not self.model_admin.finds(self.query):
            return True
        return bool(asked) and not any(asked >= set(one) for one in self.model_admin.indexed)

    def _floor(self, below: int) -> int | None:
        """Return the key down to which this page looks, None if fewer than LOOKED rows are left."""
        keys = self.root_queryset.filter(pk__lt=below).order_by("-pk").values_list("pk", flat=True)
        return next(iter(keys[LOOKED - 1 : LOOKED]), None)


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    """A model whose rows no form changes.

    `exactly`: the indexed fields that a search compares, each with a function that parses the term
    (None: the term does not fit the field). `indexed`: sets of fields that an index serves; other
    filters check only the newest rows. `few`: the table has a few dozen rows at most, listed in the
    order of the model.
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
        """Return the fields that a term fits, with the parsed value."""
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
