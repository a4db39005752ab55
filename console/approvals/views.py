"""Pages to decide on requests for approval and on proposed changes of rank."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.http import url_has_allowed_host_and_scheme

from audits.models import AuditPersonal
from common import database_clock
from common.errors import Refused
from common.parsing import is_row_id
from common.visible_text import isolated
from console.accounts import identity
from console.actions.forms import reason_in
from console.approvals.context import context_of
from console.decorators import page, render
from players import tasks
from players.actions import preconditions
from players.active_policy import active
from players.bulk.row_executor import BULK_JOBS
from players.imports.lifecycle import IMPORTS
from players.mass_adjustments.lifecycle import ADJUSTMENTS
from players.models import Approval, Decision, PolicyVersion
from players.moderation import approvals, input
from players.moderation.actors import Staff, staff_of
from players.moderation.input import LONGEST_REASON
from players.quarantines import resolution
from players.ranks import decisions
from roblox.models import Experience

SIZE = 50
UNLINKED = "local owner, unlinked"


VERBS = ("approve", "reject", "withdraw", "deny")
OWN = ("withdraw", "deny")  # decisions on one's own request


class Deciding(forms.Form):
    """A reason, preset for this verb or in the person's own words, and the pressed button."""

    preset = forms.ChoiceField(required=False, label="Reason", widget=forms.RadioSelect)
    words = forms.CharField(
        required=False,
        max_length=LONGEST_REASON,
        label="In your own words",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    send = forms.CharField(required=False, widget=forms.HiddenInput)  # a preset's own button
    verb = forms.ChoiceField(choices=[(verb, verb) for verb in VERBS])

    def __init__(self, data: Any, *, verb: str) -> None:
        super().__init__(data)
        self.presets = input.preset_reasons().get(verb, [])
        self.quick = "Send" if self.presets else ""
        field = self.fields["preset"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(text, text) for text in self.presets]
        if not self.presets:
            del self.fields["preset"]
        elif verb == "approve":
            field.initial = self.presets[0]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        reason = reason_in(data, self.fields.get("preset"))
        if not reason and data.get("verb") == "approve":
            reason = next(iter(self.presets), "")
        if not reason:
            self.add_error("words", "Choose a reason, or say one in your own words.")
        return data | {"reason": reason}


@page("players.view_approval")
def listing(request: HttpRequest) -> HttpResponse:
    """List requests of one status, the newest first."""
    wanted = request.GET.get("status", "")
    status = wanted if wanted in Approval.Status.values else Approval.Status.WAITING
    before = request.GET.get("before", "")
    rows = Approval.objects.filter(status=status).select_related("player").order_by("-pk")
    found = list((rows.filter(pk__lt=int(before)) if is_row_id(before) else rows)[: SIZE + 1])
    names = names_of([one.event for one in found])
    return render(
        request,
        "console/approvals.html",
        "Requests for approval",
        rows=[
            (one, approvals.sentence(one), names.get(one.event, one.requested_by))
            for one in found[:SIZE]
        ],
        status=status,
        statuses=Approval.Status.choices,
        older=found[SIZE - 1].pk if len(found) > SIZE else None,
    )


@page("players.view_approval")
def approval(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a request with its requester and reason, and the form to decide on it."""
    found = get_object_or_404(Approval.objects.select_related("player", "player__rank"), pk=pk)
    by = staff_of(request)
    verbs: dict[str, Callable[..., object]] = {
        "approve": approvals.approve,
        "reject": approvals.reject,
        "withdraw": approvals.withdraw,
        "deny": approvals.deny,
    }
    said = {
        "approve": "Approved and carried out",
        "reject": "Rejected",
        "withdraw": "Withdrawn",
        "deny": "Rejected. Owners are told that the experience's key may be in other hands",
    }
    own = by.is_person(found.requested_by)
    verb = _verb(request, own=own and not approvals.confirmable(found))
    form = Deciding(request.POST or None, verb=verb)
    if (
        request.method == "POST"
        and form.is_valid()
        and _decided(request, form, verbs, found.pk, by, said)
    ):
        if found.act == BULK_JOBS.approval:
            tasks.BULK.give()
        elif found.act == ADJUSTMENTS.approval:
            tasks.ADJUSTING.give()
        elif found.act == IMPORTS.approval:
            tasks.IMPORTING.give()
        elif found.act == resolution.RELEASE:
            tasks.RELEASING.give()
        return redirect(_next(request) or reverse("console:approval", args=[found.pk]))
    return render(
        request,
        "console/approval.html",
        f"Request {found.pk}",
        approval=found,
        seen=context_of(found, by, request.user, database_clock.now()),
        sentence=approvals.sentence(found),
        asked_by=names_of([found.event]).get(found.event, found.requested_by),
        why_not=approvals.may_decide(found, by),
        own=own,
        verb=verb,
        next=_next(request),
        brought_by=_experience(found),
        confirmable=approvals.confirmable(found),
        form=form,
    )


@page("players.view_decision")
def decision(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a change of rank with its inputs and, while it is proposed, the form to decide on it."""
    found = get_object_or_404(
        Decision.objects.select_related("player", "player__rank", "from_rank", "to_rank", "policy"),
        pk=pk,
    )
    by = staff_of(request)
    verbs: dict[str, Callable[..., object]] = {
        "approve": decisions.approve,
        "reject": decisions.reject,
    }
    said = {"approve": f"{found.to_rank} is given", "reject": "Rejected"}
    retired = "" if found.to_rank_id in active().ranks else preconditions.RETIRED
    verb = "reject" if retired else _verb(request)
    form = Deciding(request.POST or None, verb=verb)
    if (
        request.method == "POST"
        and form.is_valid()
        and _decided(request, form, verbs, found.pk, by, said)
    ):
        return redirect(_next(request) or reverse("console:decision", args=[found.pk]))
    return render(
        request,
        "console/decision.html",
        f"{isolated(found.player.username)}: {found.from_rank} to {found.to_rank}",
        decision=found,
        proposed_by=_proposer(found),
        is_open=found.status == Decision.Status.PROPOSED,
        why_not=_why_not(found, by),
        retired=retired,
        verb=verb,
        next=_next(request),
        policy_number=PolicyVersion.objects.values_list("number", flat=True).get(
            pk=found.policy_id
        ),
        form=form,
    )


def _verb(request: HttpRequest, *, own: bool = False) -> str:
    """Return the verb that was pressed or is asked for: by default the one to approve."""
    asked = request.POST.get("verb") or request.GET.get("verb") or ""
    if own:
        return asked if asked in OWN else "withdraw"
    return asked if asked in VERBS else "approve"


def _next(request: HttpRequest) -> str:
    """Return the page on this site from which a dialog was opened, "" if none is named."""
    wanted = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        wanted, {request.get_host()}, require_https=request.is_secure()
    )
    return wanted if safe and wanted.startswith("/") else ""


def _proposer(found: Decision) -> str:
    """Return the proposer's name. Unlinked local owners are marked; "" if the policy proposed."""
    if not found.proposed_by:
        return ""
    name, is_unlinked = identity.called(found.proposed_by)
    return f"{name} ({UNLINKED})" if is_unlinked else name


def _experience(found: Approval) -> str:
    """Return the name of the experience that sent a request, "" for requests from the console."""
    name = Experience.objects.filter(key=found.experience).values_list("name", flat=True).first()
    return name or found.experience


def names_of(events: list[int]) -> dict[int, str]:
    """Return the actors' names by event id, without erased ones. Unlinked local owners are marked."""
    rows = AuditPersonal.objects.filter(event_id__in=events, field="actorName")
    found = list(rows.values_list("event_id", "value", "subject"))
    unlinked = identity.unlinked([subject for *_, subject in found])
    return {
        event: f"{name} ({UNLINKED})" if subject in unlinked else name
        for event, name, subject in found
    }


def _decided(
    request: HttpRequest,
    form: Deciding,
    verbs: dict[str, Callable[..., object]],
    pk: int,
    by: Staff,
    said: dict[str, str],
) -> bool:
    verb = form.cleaned_data["verb"]
    if verb not in verbs:
        form.add_error(None, f"This cannot be decided by {verb}.")
        return False
    try:
        verbs[verb](pk, by=by, reason=form.cleaned_data["reason"], now=database_clock.now())
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return False
    messages.success(request, f"{said[verb]}.")
    return True


def _why_not(found: Decision, by: Staff) -> str:
    """Return why this person may not decide, "" if they may."""
    if by.is_named(found.proposed_by):
        return "You proposed it yourself: another officer must decide."
    judged = decisions.may_decide(found, by, active(), database_clock.now())
    return "" if judged.allowed else judged.reason


urls = [
    path("approvals/", listing, name="approvals"),
    path("approvals/<rowid:pk>/", approval, name="approval"),
    path("decisions/<rowid:pk>/", decision, name="decision"),
]
