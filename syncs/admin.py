"""Read-only lists of jobs, mirrors and drift. Actions on them are in the console."""

from django.contrib import admin

from common import database_clock
from common.admin import ReadOnly
from common.parsing import whole_number
from syncs import jobs
from syncs.models import Drift, Membership, Mirror, SyncJob
from syncs.push.writers import sentence


@admin.register(SyncJob)
class SyncJobAdmin(ReadOnly):
    list_display = (
        "id",
        "activity",
        "experience",
        "present_status",
        "counters",
        "requested_by",
        "created_at",
        "error",
    )
    list_select_related = ("experience",)
    list_filter = ("activity", "status")
    actions = None

    @admin.display(description="status")
    def present_status(self, job: SyncJob) -> str:
        return jobs.present_status(job, database_clock.now())


@admin.register(Mirror)
class MirrorAdmin(ReadOnly):
    list_display = (
        "player",
        "aspect",
        "experience",
        "status",
        "would_write",
        "confirmed",
        "reason",
        "retry_at",
    )
    list_select_related = ("player", "experience")
    list_filter = ("status", "aspect")
    exactly = {"player__user_id": whole_number}
    actions = None

    @admin.display(description="what is written")
    def would_write(self, row: Mirror) -> str:
        return sentence(row) if row.status != Mirror.Status.CONFIRMED else "nothing: it is there"


@admin.register(Drift)
class DriftAdmin(ReadOnly):
    list_display = (
        "id",
        "aspect",
        "experience",
        "subject",
        "ours",
        "theirs",
        "detail",
        "first_seen_at",
        "resolution",
    )
    list_select_related = ("experience",)
    list_filter = ("aspect", "resolution")
    search_fields = ("=subject",)
    actions = None


@admin.register(Membership)
class MembershipAdmin(ReadOnly):
    list_display = ("user_id", "group_id", "roles", "seen_at", "left_at")
    exactly = {"user_id": whole_number}
