"""Read-only lists of endpoints, deliveries and notifications from Roblox."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from audits import queries
from common import database_clock
from common.admin import ReadOnly
from webhooks.endpoints import statistics
from webhooks.messages import formatting
from webhooks.models import RobloxNotification, WebhookDelivery, WebhookEndpoint


class EndpointChangeList(ChangeList):
    """Endpoints with their figures, which take three queries for the whole page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        now, head = database_clock.now(), queries.head()
        rows = list(self.result_list)
        figures = statistics.figures([row.pk for row in rows], now)
        for row in rows:
            row.figures, row.now, row.behind = figures[row.pk], now, statistics.behind(row, head)
        self.result_list = rows


@admin.register(WebhookEndpoint)
class EndpointAdmin(ReadOnly):
    list_display = (
        "name",
        "kind",
        "state",
        "masked_address",
        "event_patterns",
        "last_day",
        "waiting",
        "last_success",
    )
    ordering = ("name",)
    actions = None
    change_list_template = "console/webhooks/endpoints.html"

    class Media:
        css = {"all": ["console/webhooks.css"]}

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {
            "title": "Webhook endpoints",
            "may_change": request.user.has_perm("console.secrets"),
        }
        return super().changelist_view(request, context)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return EndpointChangeList

    @admin.display(description="state")
    def state(self, row: Any) -> SafeString:
        state = formatting.state(row, row.now)
        return render_to_string("console/webhooks/state.html", {"state": state})

    @admin.display(description="address")
    def masked_address(self, row: WebhookEndpoint) -> str:
        return formatting.address(row)

    @admin.display(description="events")
    def event_patterns(self, row: WebhookEndpoint) -> str:
        return ", ".join(row.events)

    @admin.display(description="last 24 hours")
    def last_day(self, row: Any) -> SafeString:
        return render_to_string("console/webhooks/strip.html", {"figures": row.figures})

    @admin.display(description="waiting")
    def waiting(self, row: Any) -> str:
        behind = f", {row.behind:,} events not looked at" if row.behind else ""
        return statistics.waiting_text(row.figures) + behind

    @admin.display(description="last success")
    def last_success(self, row: Any) -> str:
        if row.last_success_at is None:
            return "never"
        return f"{formatting.span(row.now - row.last_success_at)} ago"


@admin.register(WebhookDelivery)
class DeliveryAdmin(ReadOnly):
    list_display = (
        "id",
        "action",
        "endpoint",
        "status",
        "attempts",
        "status_code",
        "created_at",
        "reason",
    )
    list_select_related = ("endpoint",)
    ordering = ("-id",)
    actions = None

    class Media:
        css = {"all": ["console/webhooks.css"]}

    def has_module_permission(self, request: HttpRequest) -> bool:
        return False  # deliveries are listed on the pages of endpoints


@admin.register(RobloxNotification)
class NotificationAdmin(ReadOnly):
    list_display = (
        "notification_id",
        "event_type",
        "event_time",
        "status",
        "received_at",
        "handled_at",
    )
    list_filter = ("status",)
    exactly = {"notification_id": str}
