"""Pages of appeals: the list, and one appeal with its case and the answer."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path

from common import database_clock
from common.errors import Refused
from common.parsing import is_row_id
from console.approvals.views import names_of
from console.decorators import page, render
from players.discipline import appeals
from players.models import Appeal
from players.moderation import assignments
from players.moderation.actors import staff_of

SIZE = 50


class AppealAnswer(forms.Form):
    """The answer to the player, and the verdict."""

    answer = forms.CharField(
        max_length=appeals.LONGEST_ANSWER,
        label="Your answer, which the player reads",
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    verb = forms.ChoiceField(choices=[("approve", "approve"), ("reject", "reject")])


@page("players.view_appeal")
def listing(request: HttpRequest) -> HttpResponse:
    """List appeals of one status, the newest first."""
    wanted = request.GET.get("status", "")
    status = wanted if wanted in Appeal.Status.values else Appeal.Status.OPEN
    before = request.GET.get("before", "")
    rows = Appeal.objects.filter(status=status).select_related("player", "sanction").order_by("-pk")
    found = list((rows.filter(pk__lt=int(before)) if is_row_id(before) else rows)[: SIZE + 1])
    held = assignments.held(appeals.KIND, [str(one.pk) for one in found], database_clock.now())
    return render(
        request,
        "console/appeals.html",
        "Appeals",
        rows=[(one, held.get(str(one.pk))) for one in found[:SIZE]],
        status=status,
        statuses=Appeal.Status.choices,
        older=found[SIZE - 1].pk if len(found) > SIZE else None,
    )


@page("players.view_appeal")
def one(request: HttpRequest, pk: int) -> HttpResponse:
    """Show an appeal with its case. The person who took it can answer."""
    rows = Appeal.objects.select_related("player", "player__rank", "sanction", "sanction__cause")
    found, by, now = get_object_or_404(rows, pk=pk), staff_of(request), database_clock.now()
    form = AppealAnswer(request.POST or None)
    if request.method == "POST" and form.is_valid() and _answered(request, form, found.pk):
        return redirect("console:appeal", found.pk)
    held = assignments.held(appeals.KIND, [str(found.pk)], now).get(str(found.pk))
    event = found.sanction.event
    return render(
        request,
        "console/appeal.html",
        f"Appeal {found.pk}",
        appeal=found,
        claim=held,
        mine=held is not None and held.holder == by.person,
        why_not=appeals.why_not(found, by, now) if found.status == Appeal.Status.OPEN else "",
        issued_by=names_of([event]).get(event, found.sanction.issued_by)
        if event
        else found.sanction.issued_by,
        form=form,
    )


def _answered(request: HttpRequest, form: AppealAnswer, pk: int) -> bool:
    decide: Any = appeals.approve if form.cleaned_data["verb"] == "approve" else appeals.reject
    try:
        decide(pk, form.cleaned_data["answer"], by=staff_of(request), now=database_clock.now())
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return False
    messages.success(request, "It is decided; the player reads your answer.")
    return True


urls = [
    path("appeals/", listing, name="appeals"),
    path("appeals/<rowid:pk>/", one, name="appeal"),
]
