"""Rows to look at. What is done about them is done on the console's pages, with a reason and a
fresh sign-in.
"""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from common.admin import ReadOnly
from common.parsing import whole_number
from players.models import (
    Adjustment,
    Decision,
    ErasureOrder,
    LedgerEntry,
    Player,
    PolicyVersion,
    Rank,
)


@admin.register(Player)
class PlayerAdmin(ReadOnly):
    list_display = ("username", "user_id", "rank", "points", "kos", "wos", "updated_at")
    list_select_related = ("rank",)
    exactly = {"user_id": whole_number}

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Lead to the console's list of players, so that there is one."""
        return redirect("console:players")


@admin.register(Decision)
class DecisionAdmin(ReadOnly):
    list_display = (
        "id",
        "player",
        "kind",
        "from_rank",
        "to_rank",
        "status",
        "source",
        "created_at",
    )
    list_select_related = ("player", "from_rank", "to_rank")
    list_filter = ("status", "kind")
    indexed = (("status",),)
    actions = None


@admin.register(LedgerEntry)
class LedgerAdmin(ReadOnly):
    list_display = (
        "id",
        "player",
        "origin",
        "session",
        "sequence",
        "type",
        "awarded",
        "total",
        "occurred_at",
    )
    list_select_related = ("player",)
    exactly = {"player__user_id": whole_number}


@admin.register(Rank)
class RankAdmin(ReadOnly):
    few = True
    list_display = (
        "name",
        "level",
        "position",
        "role",
        "min_points",
        "privileged",
        "is_punishment",
        "ignored",
    )


@admin.register(PolicyVersion)
class PolicyAdmin(ReadOnly):
    list_display = ("number", "content_hash", "is_active", "activated_at")


@admin.register(ErasureOrder)
class ErasureOrderAdmin(ReadOnly):
    list_display = (
        "id",
        "received_at",
        "due_at",
        "tables_erased_at",
        "stores_erased_at",
        "status",
        "stores",
        "reason",
    )
    list_filter = ("status",)
    exactly = {"notification_id": str}
    exclude = ("mark", "lease", "lease_until")


@admin.register(Adjustment)
class AdjustmentAdmin(ReadOnly):
    list_display = (
        "id",
        "status",
        "reason",
        "rows",
        "skipped",
        "applied",
        "total",
        "requested_by",
        "created_at",
    )
    list_filter = ("status",)
