"""Pages of the policy: versions, differences, a new version, and its activation by two people."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.views.decorators.http import require_GET

from common import database_clock
from common.errors import Refused
from common.parsing import whole_number
from console.decorators import page, render
from console.experiences.views import ReasonForm
from console.policy.uploads import pretty, texts_of
from players.active_policy import held_outside
from players.models import PolicyVersion
from players.moderation.actors import staff_of
from players.moderation.input import LONGEST_REASON
from players.policy.bundle import Bundle, parse_bundle, read_bundle
from players.policy.diff import compare, lines, sections, short
from players.policy.validation import FILES, PolicyError, Problem
from players.policy_changes import activation, reviews, simulations

SIZE = 50
LISTED = 20  # versions offered for a comparison


class Writing(forms.Form):
    """The documents as texts, and the reason for the new version."""

    ranks = forms.CharField(required=False, strip=False, widget=forms.Textarea)
    points = forms.CharField(required=False, strip=False, widget=forms.Textarea)
    punishments = forms.CharField(required=False, strip=False, widget=forms.Textarea)
    permissions = forms.CharField(required=False, strip=False, widget=forms.Textarea)
    community = forms.CharField(required=False, strip=False, widget=forms.Textarea)
    reason = forms.CharField(
        required=False,
        max_length=LONGEST_REASON,
        help_text="Needed to keep it; it goes into the audit log.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for key, name in FILES.items():
            self.fields[key].label = name
            self.fields[key].widget.attrs |= {"spellcheck": "false", "autocapitalize": "none"}

    def documents(self) -> list[Any]:
        """Return the fields of the documents."""
        return [self[key] for key in FILES]


@require_GET
@page("players.view_policyversion")
def listing(request: HttpRequest) -> HttpResponse:
    """List versions, the newest first, and pending requests."""
    before = request.GET.get("before", "")
    rows = PolicyVersion.objects.defer("documents").order_by("-number")
    found = list((rows.filter(number__lt=int(before)) if _is_number(before) else rows)[: SIZE + 1])
    return render(
        request,
        "console/policy.html",
        "Policy",
        rows=found[:SIZE],
        older=found[SIZE - 1].number if len(found) > SIZE else None,
        waiting=activation.waiting(),
        due=reviews.review_due(),
        now=database_clock.now(),
    )


@require_GET
@page("players.view_policyversion")
def version(request: HttpRequest, number: int) -> HttpResponse:
    """Show one version, and its differences from the active one."""
    found = get_object_or_404(PolicyVersion, number=number)
    present = PolicyVersion.objects.get(is_active=True)
    bundle = parse_bundle(found.documents)
    return render(
        request,
        "console/policy_version.html",
        f"Policy {number}",
        version=found,
        bundle=bundle,
        ranks=_ranks(bundle),
        points=bundle.documents["points"],
        events=[
            (name, _worth(kind), _rules(kind))
            for name, kind in bundle.documents["points"]["events"].items()
        ],
        punishments=bundle.documents["punishments"],
        multipliers=_multipliers(bundle),
        community=[(name, _words(rules)) for name, rules in sections(bundle).items()],
        present=present,
        differences=compare(parse_bundle(present.documents), bundle) if not found.is_active else [],
        blocking=held_outside(bundle) if not found.is_active else [],
        simulated=None if found.is_active else simulations.fresh(found, database_clock.now()),
        waiting=[one for one in activation.waiting() if one.arguments["number"] == number],
        others=PolicyVersion.objects.exclude(pk=found.pk)
        .defer("documents")
        .order_by("-number")[:LISTED],
    )


@require_GET
@page("players.view_policyversion")
def documents(request: HttpRequest, number: int) -> HttpResponse:
    """Return the documents as one JSON file, which the page of a new version accepts."""
    found = get_object_or_404(PolicyVersion, number=number)
    name = f'attachment; filename="policy-{number}.json"'
    body = pretty({key: found.documents[key] for key in FILES if key in found.documents})
    return HttpResponse(
        body, content_type="application/json", headers={"Content-Disposition": name}
    )


@require_GET
@page("players.view_policyversion")
def difference(request: HttpRequest) -> HttpResponse:
    """Compare two versions by rule and by line."""
    given = [request.GET.get(name, "") for name in ("from", "to")]
    if not any(given):
        return redirect("console:policy")
    old, new = (
        get_object_or_404(PolicyVersion, number=int(one) if _is_number(one) else 0) for one in given
    )
    before, after = parse_bundle(old.documents), parse_bundle(new.documents)
    return render(
        request,
        "console/policy_diff.html",
        f"From policy {old.number} to policy {new.number}",
        old=old,
        new=new,
        differences=compare(before, after),
        lines=[(name, "\n".join(found)) for name, found in lines(before, after).items()],
    )


@page("console.policy")
def new(request: HttpRequest) -> HttpResponse:
    """Check a new version, entered or uploaded, and store it if it is valid. It is not activated."""
    base = _base(request)
    form = Writing(
        request.POST or None, initial={key: pretty(base.documents.get(key, {})) for key in FILES}
    )
    problems: tuple[Problem, ...] = ()
    checked: Bundle | None = None
    if request.method == "POST":
        form = _with_uploads(request, form)
        try:
            if form.is_valid():
                checked = read_bundle(_texts(form))
                if request.POST.get("verb") == "keep":
                    kept = _keep(request, form)
                    return redirect("console:policy-version", kept.number)
        except PolicyError as error:
            problems = error.problems
        except Refused as refusal:
            form.add_error("reason", str(refusal).removeprefix("reason: "))
    return render(
        request,
        "console/policy_new.html",
        "A new version of the policy",
        form=form,
        base=base,
        problems=problems,
        checked=checked,
        differences=compare(parse_bundle(base.documents), checked) if checked else [],
        blocking=held_outside(checked) if checked else [],
    )


@page("console.policy")
def activate(request: HttpRequest, number: int) -> HttpResponse:
    """Request the activation of a version by a second owner."""
    found = get_object_or_404(PolicyVersion, number=number)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            approval = activation.ask_activation(
                number,
                by=staff_of(request),
                reason=form.cleaned_data["reason"],
                now=database_clock.now(),
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request, f"Requested (approval {approval.pk}): another owner finds it in the queue."
            )
            return redirect("console:policy-version", number)
    again = "was in force before" if found.activated_at else "was never in force"
    note = f"Policy {number} {again}. A second owner approves it; then games follow it from their next request on."
    context = {
        "form": form,
        "note": note,
        "button": "Ask for approval",
        "back": "console:policy",
        "asks": True,
    }
    return render(
        request, "console/form.html", f"Put policy {number} in force", grave=True, **context
    )


def _base(request: HttpRequest) -> PolicyVersion:
    """Return the version to start from: the requested one, or the active one."""
    number = request.GET.get("from", "")
    if _is_number(number):
        return get_object_or_404(PolicyVersion, number=int(number))
    return PolicyVersion.objects.get(is_active=True)


def _with_uploads(request: HttpRequest, form: Writing) -> Writing:
    """Return the form with uploaded documents in place of the entered ones."""
    try:
        uploaded = texts_of(request.FILES.getlist("files"))
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return form
    data = request.POST.copy()
    for key, text in uploaded.items():
        data[key] = text
    return Writing(data, initial=form.initial)


def _keep(request: HttpRequest, form: Writing) -> PolicyVersion:
    kept = activation.add(
        _texts(form),
        by=staff_of(request),
        reason=form.cleaned_data["reason"],
        now=database_clock.now(),
    )
    messages.success(
        request, f"Kept as policy {kept.number}. It is not in force: a second owner approves that."
    )
    return kept


def _texts(form: Writing) -> dict[str, str]:
    return {key: form.cleaned_data[key] for key in FILES}


def _ranks(bundle: Bundle) -> list[tuple[Any, Any]]:
    """Return the ranks, highest first, with their rows of both documents."""
    allowed = bundle.documents["permissions"]["ranks"]
    return [(row, allowed[row["name"]]) for row in reversed(bundle.documents["ranks"]["ranks"])]


def _worth(kind: dict[str, Any]) -> str:
    by_level = kind.get("weightByLevel", {})
    return ", ".join(f"{level} {weight}" for level, weight in by_level.items()) or str(
        kind.get("weight", "")
    )


def _rules(kind: dict[str, Any]) -> str:
    """Return further rules of an event type, in words."""
    named = {"counter": "counts as {}", "cooldown": "not within {}", "shortest": "at least {}"}
    told = [words.format(kind[name]) for name, words in named.items() if name in kind]
    return ", ".join([*told, *(["is a recommendation"] if kind.get("recommends") else [])])


def _multipliers(bundle: Bundle) -> list[dict[str, Any]]:
    """Return the multipliers, with lists that are never missing."""
    empty: dict[str, Any] = {"events": [], "experiences": []}
    return [empty | row for row in bundle.documents["points"].get("multipliers", ())]


def _words(rules: Mapping[str, Any]) -> str:
    """Return a section's rules in one line."""
    return ", ".join(f"{name} {short(value)}" for name, value in rules.items())


def _is_number(text: str) -> bool:
    return whole_number(text, most=10**9) is not None


urls = [
    path("policy/", listing, name="policy"),
    path("policy/new/", new, name="policy-new"),
    path("policy/difference/", difference, name="policy-diff"),
    path("policy/<rowid:number>/", version, name="policy-version"),
    path("policy/<rowid:number>/policy.json", documents, name="policy-documents"),
    path("policy/<rowid:number>/activate/", activate, name="policy-activate"),
]
