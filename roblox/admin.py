from django.contrib import admin

from common.admin import ReadOnly
from roblox.models import Experience, ExperienceKey


@admin.register(Experience)
class ExperienceAdmin(ReadOnly):
    few = True
    list_display = ("key", "name", "universe_id", "enabled", "created_at")


@admin.register(ExperienceKey)
class ExperienceKeyAdmin(ReadOnly):
    list_display = (
        "prefix",
        "experience",
        "created_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
    )
    list_select_related = ("experience",)
    exclude = ("digest",)
