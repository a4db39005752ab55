"""The console's door: what is there to see, and the acts on proposals. Nothing is edited as a form of columns."""

import datetime as dt
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from audits.admin import ReadOnly, whole
from players import officers
from players.models import Decision, ErasureOrder, LedgerEntry, Player, PolicyVersion, Rank
from players.staff import Refused, staff_of


@admin.register(Player)
class PlayerAdmin(ReadOnly):
    list_display = ("username", "user_id", "rank", "points", "kos", "wos", "updated_at")
    list_select_related = ("rank",)
    exactly = {"user_id": whole}


@admin.register(Decision)
class DecisionAdmin(ReadOnly):
    list_display = ("id", "player", "kind", "from_rank", "to_rank", "status", "source", "created_at")
    list_select_related = ("player", "from_rank", "to_rank")
    list_filter = ("status", "kind")
    indexed = (("status",),)
    actions = ("approve", "reject")

    @admin.action(description="Approve the proposals", permissions=["settle"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Decision]) -> None:
        self._settle(request, queryset, officers.approve, "approved in the console")

    @admin.action(description="Reject the proposals", permissions=["settle"])
    def reject(self, request: HttpRequest, queryset: QuerySet[Decision]) -> None:
        self._settle(request, queryset, officers.reject, "rejected in the console")

    def has_settle_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("players.adjust")

    def _settle(self, request: HttpRequest, queryset: QuerySet[Decision], verb: Any, reason: str) -> None:
        by = staff_of(request)
        now: dt.datetime = timezone.now()
        for decision_id in queryset.values_list("pk", flat=True):
            try:
                settled = verb(decision_id, by=by, reason=reason, now=now)
            except Refused as refusal:
                self.message_user(request, f"Decision {decision_id}: {refusal}", messages.ERROR)
            else:
                self.message_user(request, f"Decision {decision_id} is {settled.status}.", messages.SUCCESS)


@admin.register(LedgerEntry)
class LedgerAdmin(ReadOnly):
    list_display = ("id", "player", "origin", "session", "sequence", "type", "awarded", "total", "occurred_at")
    list_select_related = ("player",)
    exactly = {"player__user_id": whole}


@admin.register(Rank)
class RankAdmin(ReadOnly):
    few = True
    list_display = ("name", "level", "position", "role", "min_points", "privileged", "is_punishment", "ignored")


@admin.register(PolicyVersion)
class PolicyAdmin(ReadOnly):
    list_display = ("number", "content_hash", "is_active", "activated_at")


@admin.register(ErasureOrder)
class ErasureOrderAdmin(ReadOnly):
    list_display = ("id", "received_at", "due_at", "tables_erased_at", "stores_erased_at", "status", "stores", "reason")
    list_filter = ("status",)
    exactly = {"notification_id": str}
    exclude = ("mark", "lease", "lease_until")
