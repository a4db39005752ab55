"""Lists of the admin that cost the same at any number of rows: the newest first, each page behind a row's key.

Where filters narrow a list and no index serves them, one page looks at the next LOOKED rows at most, and says so.
"""

from typing import Any

from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest

PAGE = 50
LOOKED = 5_000
LARGEST = 2**63 - 1


class Behind(ChangeList):
    """Rows by falling key, below the key that the query string names as `p`. `older`: the next page's, if any."""

    model_admin: Any  # a ReadOnly
    older = ""
    cut = False
    by_key = True
    looked = LOOKED

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        return ["-pk"]

    def get_results(self, request: HttpRequest) -> None:
        given = request.GET.get(PAGE_VAR, "")
        self.paged = given.isascii() and given.isdigit() and int(given) <= LARGEST
        below = int(given) if self.paged else LARGEST
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
