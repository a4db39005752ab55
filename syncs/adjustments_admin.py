"""Large adjustments in the admin: to look at. What is done with them has pages of its own in the console."""

from django.contrib import admin

from audits.admin import ReadOnly
from syncs.models import Adjustment


@admin.register(Adjustment)
class AdjustmentAdmin(ReadOnly):
    list_display = ("id", "status", "reason", "rows", "skipped", "applied", "total", "requested_by", "created_at")
    list_filter = ("status",)
