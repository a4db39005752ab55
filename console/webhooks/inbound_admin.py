"""The console's door to what Roblox told us: to look at."""

from django.contrib import admin

from common.admin import ReadOnly
from webhooks.models import RobloxNotification


@admin.register(RobloxNotification)
class RobloxNotificationAdmin(ReadOnly):
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
