"""The console's door to jobs, mirrors and drift."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from audits.admin import ReadOnly, whole
from audits.record import Actor
from players.staff import Refused, staff_of
from syncs import adjustments_admin, drifts, jobs, mirrors
from syncs.models import Drift, Membership, Mirror, SyncJob
from syncs.writers import sentence

__all__ = ["adjustments_admin"]


class Acting(ReadOnly):
    """Rows that owners act on; the acts are the same functions that every other door calls."""

    def has_act_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("console.sync")

    def each(self, request: HttpRequest, queryset: QuerySet[Any], act: Any, done: str) -> None:
        """Call `act` with each row's id and say what came of it."""
        for pk in queryset.values_list("pk", flat=True):
            try:
                act(pk)
            except Refused as refusal:
                self.message_user(request, f"{pk}: {refusal}", messages.ERROR)
            else:
                self.message_user(request, f"{pk}: {done}", messages.SUCCESS)


def _actor(request: HttpRequest) -> Actor:
    return staff_of(request).actor


@admin.register(SyncJob)
class SyncJobAdmin(Acting):
    list_display = ("id", "activity", "experience", "present_status", "counters", "requested_by", "created_at", "error")
    list_select_related = ("experience",)
    list_filter = ("activity", "status")
    actions = ("cancel", "pause", "resume")

    @admin.display(description="status")
    def present_status(self, job: SyncJob) -> str:
        return jobs.present_status(job, timezone.now())

    @admin.action(description="Cancel the jobs", permissions=["act"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[SyncJob]) -> None:
        self.each(request, queryset, lambda pk: jobs.cancel(pk, actor=_actor(request)), "cancelled at its next page")

    @admin.action(description="Pause the jobs", permissions=["act"])
    def pause(self, request: HttpRequest, queryset: QuerySet[SyncJob]) -> None:
        self.each(request, queryset, lambda pk: jobs.pause(pk, actor=_actor(request)), "paused at its next page")

    @admin.action(description="Resume the jobs", permissions=["act"])
    def resume(self, request: HttpRequest, queryset: QuerySet[SyncJob]) -> None:
        self.each(request, queryset, lambda pk: jobs.resume(pk, actor=_actor(request)), "goes on")


@admin.register(Mirror)
class MirrorAdmin(Acting):
    list_display = ("player", "aspect", "experience", "status", "would_write", "confirmed", "reason", "retry_at")
    list_select_related = ("player", "experience")
    list_filter = ("status", "aspect")
    exactly = {"player__user_id": whole}
    actions = ("again",)

    @admin.display(description="what is written")
    def would_write(self, row: Mirror) -> str:
        return sentence(row) if row.status != Mirror.Status.CONFIRMED else "nothing: it is there"

    @admin.action(description="Push them again", permissions=["act"])
    def again(self, request: HttpRequest, queryset: QuerySet[Mirror]) -> None:
        rows = {row.pk: row for row in queryset.select_related("player", "experience")}

        def act(pk: int) -> None:
            row = rows[pk]
            mirrors.again(Mirror.Aspect(row.aspect), row.player, row.experience)

        self.each(request, queryset, act, "is pushed again")


@admin.register(Drift)
class DriftAdmin(Acting):
    list_display = ("id", "aspect", "experience", "subject", "ours", "theirs", "detail", "first_seen_at", "resolution")
    list_select_related = ("experience",)
    list_filter = ("aspect", "resolution")
    search_fields = ("=subject",)
    actions = ("adopt_theirs", "push_ours")

    @admin.action(description="Adopt theirs", permissions=["act"])
    def adopt_theirs(self, request: HttpRequest, queryset: QuerySet[Drift]) -> None:
        self._settle(request, queryset, drifts.adopt, "theirs is adopted")

    @admin.action(description="Push ours", permissions=["act"])
    def push_ours(self, request: HttpRequest, queryset: QuerySet[Drift]) -> None:
        self._settle(request, queryset, drifts.push, "ours will be written")

    def _settle(self, request: HttpRequest, queryset: QuerySet[Drift], verb: Any, done: str) -> None:
        by = staff_of(request)
        self.each(
            request, queryset, lambda pk: verb(pk, by=by, reason="settled in the console", now=timezone.now()), done
        )


@admin.register(Membership)
class MembershipAdmin(ReadOnly):
    list_display = ("user_id", "group_id", "roles", "seen_at", "left_at")
    exactly = {"user_id": whole}
