"""Pages of the audit explorer: the filtered log, one event with its proof, export, and seals."""

import json
from collections.abc import Mapping
from itertools import pairwise

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from audits.chain import chain
from audits.chain.proofs import NotProvable, prove
from audits.chain.sealing import trusted_keys
from audits.chain.stored_seals import fields_of
from audits.models import Seal
from audits.queries import events_by_id, head
from audits.search import BEYOND, LOOKED, Found, find
from common import database_clock
from common.errors import Refused
from common.parsing import whole_number
from console import navigation
from console.audit import event_detail
from console.audit.export import FORMATS, MOST, export
from console.audit.forms import Asking
from console.audit.rows import rows_of
from console.decorators import page, render
from players.actions import undo
from players.models import PolicyVersion
from players.moderation.actors import staff_of

SEALS = 50


@require_GET
@page("audits.view_auditevent")
def listing(request: HttpRequest) -> HttpResponse:
    """Show the filtered log. With an invalid filter it is empty."""
    form = Asking(request.GET)
    before = whole_number(request.GET.get("before", ""))
    found = find(form.wanted, before or BEYOND) if form.is_valid() else Found((), None, False)
    return render(
        request,
        "console/audit.html",
        "Audit log",
        form=form,
        rows=rows_of(found.ids, named=_named(request)),
        found=found,
        paged=before is not None,
        query=_query(request),
        looked=LOOKED,
        most=MOST,
    )


@require_GET
@page("audits.view_auditevent")
def event(request: HttpRequest, event_id: int) -> HttpResponse:
    """Show one event: its seal and proof, what it reverts and what reverted it."""
    placed = events_by_id([event_id]).get(event_id)
    if placed is None:
        raise Http404
    named = _named(request)
    [row] = rows_of([event_id], named=named)
    version = (
        PolicyVersion.objects.filter(content_hash=placed.policy_version).first()
        if placed.policy_version
        else None
    )
    return render(
        request,
        "console/audit_event.html",
        f"Event {event_id}",
        row=row,
        event=placed,
        changes=event_detail.changes(placed),
        further=event_detail.further(placed),
        personal=event_detail.personal(placed) if named else [],
        named=named,
        proof=event_detail.proof(event_id),
        reverted_by=undo.reverted_by([event_id]).get(event_id),
        offer=undo.options([placed])[event_id],
        version=version,
        policy=navigation.to("console:policy-version", version.number) if version else "",
        deliveries=event_detail.deliveries(event_id),
    )


@require_GET
@page("audits.view_auditevent")
def proof(request: HttpRequest, event_id: int) -> HttpResponse:
    """Return the proof as a file for `python -m audits.chain.offline`. It contains no names."""
    try:
        found = prove(event_id)
    except NotProvable as error:
        messages.error(request, str(error))
        return redirect("console:event", event_id)
    body = json.dumps(found, indent=1, ensure_ascii=False)
    name = f'attachment; filename="event-{event_id}-proof.json"'
    return HttpResponse(
        body, content_type="application/json", headers={"Content-Disposition": name}
    )


@require_POST
@page("console.audit")
def away(request: HttpRequest) -> HttpResponseBase:
    """Export the filtered log."""
    asked = Asking(request.POST)
    chosen = request.POST.get("format", "")
    if not asked.is_valid():
        messages.error(request, "A filter makes no sense; mend it, then export.")
        return redirect("console:audit")
    try:
        lines = export(asked.wanted, chosen, by=staff_of(request))
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("console:audit")
    name = f'attachment; filename="audit-{database_clock.now():%Y%m%dT%H%M%SZ}.{chosen}"'
    return StreamingHttpResponse(
        lines, content_type=FORMATS[chosen], headers={"Content-Disposition": name}
    )


@require_GET
@page("audits.view_seal")
def seals(request: HttpRequest) -> HttpResponse:
    """List the seals, newest first, each with its signature and link checked."""
    before = whole_number(request.GET.get("before", "")) or BEYOND
    found = list(Seal.objects.filter(number__lt=before).order_by("-number")[: SEALS + 1])
    trusted = chain.keyring(trusted_keys())
    rows = [
        (seal, _defects(seal, older, trusted)) for seal, older in pairwise([*found, None]) if seal
    ]
    return render(
        request,
        "console/audit_seals.html",
        "Seals",
        rows=rows[:SEALS],
        older=found[SEALS - 1].number if len(found) > SEALS else None,
        paged=before != BEYOND,
        head=head(),
        keys=sorted(trusted),
    )


def _defects(seal: Seal, older: Seal | None, trusted: Mapping[str, Ed25519PublicKey]) -> list[str]:
    """Return the defects of a seal. The page of an event checks the path to the root."""
    fields = fields_of(seal)
    if older is None:
        previous = chain.GENESIS if seal.number == 1 else seal.previous
        return chain.seal_defects(
            fields, root=seal.root, previous=previous, number=seal.number, trusted=trusted
        )
    return chain.seal_defects(
        fields, root=seal.root, previous=older.hash, number=older.number + 1, trusted=trusted
    )


def _named(request: HttpRequest) -> bool:
    return request.user.has_perm("players.view_player")


def _query(request: HttpRequest) -> str:
    """Return the filters of the URL, without the position."""
    given = request.GET.copy()
    given.pop("before", None)
    for name in [name for name, value in given.items() if not value]:
        del given[name]
    return given.urlencode()


urls = [
    path("audit/", listing, name="audit"),
    path("audit/export/", away, name="audit-export"),
    path("audit/seals/", seals, name="seals"),
    path("audit/<rowid:event_id>/", event, name="event"),
    path("audit/<rowid:event_id>/proof.json", proof, name="event-proof"),
]
