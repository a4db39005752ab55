"""Large adjustments in the console: to see, to approve, to reject. Nothing is edited as a form of columns."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from audits.admin import ReadOnly
from players.staff import Refused, staff_of
from syncs import adjustments
from syncs.models import Adjustment


@admin.register(Adjustment)
class AdjustmentAdmin(ReadOnly):
    list_display = ("id", "status", "reason", "rows", "skipped", "applied", "total", "requested_by", "created_at")
    list_filter = ("status",)
    actions = ("approve", "reject")

    @admin.action(description="Approve as the second person", permissions=["settle"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Adjustment]) -> None:
        self._settle(request, queryset, adjustments.approve, "approved in the console")

    @admin.action(description="Reject", permissions=["settle"])
    def reject(self, request: HttpRequest, queryset: QuerySet[Adjustment]) -> None:
        self._settle(request, queryset, adjustments.reject, "rejected in the console")

    def has_settle_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("players.adjust")

    def _settle(self, request: HttpRequest, queryset: QuerySet[Adjustment], verb: Any, reason: str) -> None:
        by = staff_of(request)
        for adjustment_id in queryset.values_list("pk", flat=True):
            try:
                settled = verb(adjustment_id, by=by, reason=reason, now=timezone.now())
            except Refused as refusal:
                self.message_user(request, f"Adjustment {adjustment_id}: {refusal}", messages.ERROR)
            else:
                self.message_user(
                    request, f"Adjustment {adjustment_id}: {settled.get_status_display()}.", messages.SUCCESS
                )
