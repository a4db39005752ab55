"""The console's door to endpoints and deliveries. Owners act; everything that they do is a rule of
endpoints.py.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_post_parameters

from audits import queries
from audits.record import Actor
from common.admin import ReadOnly
from common.errors import Refused
from console.webhooks import deliveries, forms, inbound_admin
from players.moderation.actors import staff_of
from webhooks.endpoints import change_requests, services, statistics
from webhooks.endpoints.services import NotPossible
from webhooks.formats import KINDS
from webhooks.formats.base import BadEndpoint
from webhooks.messages import formatting
from webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from webhooks.outbound import subscriptions
from webhooks.outbound.retry_policy import tries
from webhooks.tasks import DELIVERING, FANNING_OUT

__all__ = ["inbound_admin"]

PAGES = "admin/webhooks"
MOST_REPLAYED = 20_000  # events that one click reads again: a browser waits for it
MOST_TRIES = (
    50  # of one delivery, shown: it has at most ten, and ten more each time it is sent again
)


def is_owner(request: HttpRequest) -> bool:
    return request.user.has_perm("console.secrets")


def _actor(request: HttpRequest) -> Actor:
    return staff_of(request).actor


def _order(request: HttpRequest, form: Any) -> dict[str, Any]:
    """Who asks for something, why, and when."""
    return {"by": staff_of(request), "reason": form.cleaned_data["reason"], "now": timezone.now()}


def _asked(approval_id: int) -> str:
    return f"Nothing changed yet: a second owner finds request {approval_id} in the queue."


@dataclass(frozen=True, slots=True)
class Act:
    """Something owners do to an endpoint, with a page that asks before it is done.

    `begin` gives what the form starts with, `note` what to know before; `do` says what was done
    (None: a secret is made, which is shown instead).
    """

    title: str
    button: str
    form: type[forms.ActForm]
    do: Callable[[WebhookEndpoint, Any, Actor], str] | None
    note: Callable[[WebhookEndpoint], str]
    begin: Callable[[WebhookEndpoint], dict[str, Any]] = lambda endpoint: {}
    fits: Callable[[WebhookEndpoint], bool] = lambda endpoint: True
    grave: bool = False


class WithFigures(ChangeList):
    """Endpoints with the figures of all of them, read at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        now, head = timezone.now(), queries.head()
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
        "masked",
        "asks_for",
        "last_day",
        "waiting",
        "last_success",
    )
    ordering = ("name",)
    actions = None

    class Media:
        css = {"all": ["webhooks/console.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_owner(request)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, {"title": "Webhook endpoints"})

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return WithFigures

    @admin.display(description="state")
    def state(self, row: Any) -> SafeString:
        return render_to_string(f"{PAGES}/state.html", {"state": formatting.state(row, row.now)})

    @admin.display(description="address")
    def masked(self, row: WebhookEndpoint) -> str:
        return formatting.address(row)

    @admin.display(description="events")
    def asks_for(self, row: WebhookEndpoint) -> str:
        return ", ".join(row.events)

    @admin.display(description="last 24 hours")
    def last_day(self, row: Any) -> SafeString:
        return render_to_string(f"{PAGES}/strip.html", {"figures": row.figures})

    @admin.display(description="waiting")
    def waiting(self, row: Any) -> str:
        behind = f", {row.behind:,} events not looked at" if row.behind else ""
        return statistics.waiting_text(row.figures) + behind

    @admin.display(description="last success")
    def last_success(self, row: Any) -> str:
        return (
            f"{formatting.span(row.now - row.last_success_at)} ago"
            if row.last_success_at
            else "never"
        )

    def get_urls(self) -> list[URLPattern]:
        acts = [
            path(
                f"<rowid:pk>/{name}/",
                self.admin_site.admin_view(self._view_of(name)),
                name=f"webhooks_endpoint_{name}",
            )
            for name in ACTS
        ]
        edit = path(
            "<rowid:pk>/edit/",
            self.admin_site.admin_view(self.edit_view),
            name="webhooks_endpoint_edit",
        )
        return [*acts, edit, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The endpoint's page."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        endpoint, now = _endpoint(object_id), timezone.now()
        status = request.GET.get("status", "")
        status = status if status in deliveries.FILTERS else ""
        context = _overview(endpoint, now) | {
            "acts": _acts(endpoint) if is_owner(request) else [],
            "may_change": is_owner(request),
            "asked_for": change_requests.waiting(endpoint),
            "status": status,
            "filters": deliveries.FILTERS.items(),
            "paged": "before" in request.GET,
            "page": deliveries.page(endpoint.pk, status, request.GET.get("before", "")),
        }
        return self._page(request, "page", endpoint, endpoint.name, **context)

    @method_decorator(sensitive_post_parameters("address", "headers"))
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        _require_owner(request)
        form = forms.EndpointForm(request.POST or None, initial={"events": "*"})
        if request.method == "POST" and form.is_valid():
            try:
                held, secret = change_requests.ask_add(form.wanted(), **_order(request, form))
            except BadEndpoint as error:
                form.refuse(error)
            except Refused as refusal:
                form.add_error("reason", str(refusal).removeprefix("reason: "))
            else:
                if secret:
                    return self._secret(
                        request, None, secret, f"{form.cleaned_data['name']} is asked for", held.pk
                    )
                self.message_user(request, _asked(held.pk), messages.WARNING)
                return redirect("admin:webhooks_webhookendpoint_changelist")
        return self._form(request, form, None, "Add an endpoint")

    @method_decorator(sensitive_post_parameters("address", "headers"))
    def edit_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        _require_owner(request)
        endpoint = _endpoint(pk)
        form = forms.EndpointForm(
            request.POST or None,
            endpoint=endpoint,
            masked=formatting.address(endpoint),
            initial=forms.initial(endpoint),
        )
        if request.method == "POST" and form.is_valid():
            try:
                request_for = change_requests.ask_change(
                    endpoint, form.wanted(), **_order(request, form)
                )
            except BadEndpoint as error:
                form.refuse(error)
            except (Refused, NotPossible) as refusal:
                form.add_error("reason", str(refusal).removeprefix("reason: "))
            else:
                changed = f"The endpoint {form.cleaned_data['name']} is changed."
                told = _asked(request_for.pk) if request_for else changed
                self.message_user(
                    request, told, messages.WARNING if request_for else messages.SUCCESS
                )
                return _to(endpoint)
        return self._form(request, form, endpoint, f"Change {endpoint.name}")

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return self._act(request, _endpoint(object_id).pk, "delete")

    def _view_of(self, name: str) -> Callable[[HttpRequest, int], HttpResponse]:
        return lambda request, pk: self._act(request, pk, name)

    def _act(self, request: HttpRequest, pk: int, name: str) -> HttpResponse:
        """Ask for what an act needs, and do it."""
        _require_owner(request)
        act, endpoint = ACTS[name], _endpoint(pk)
        form = act.form(request.POST if request.method == "POST" else None, endpoint=endpoint)
        form.initial = act.begin(endpoint)
        if request.method == "POST" and form.is_valid():
            try:
                if act.do is None:
                    version = form.cleaned_data["version"]
                    held, secret = change_requests.ask_rotate(
                        endpoint, version, **_order(request, form)
                    )
                    return self._secret(
                        request, endpoint, secret, f"{endpoint.name} gets a new secret", held.pk
                    )
                done = act.do(endpoint, form, _actor(request))
            except (NotPossible, BadEndpoint, Refused) as error:
                form.add_error(None, str(error))
            else:
                self.message_user(request, done, messages.SUCCESS)
                return (
                    redirect("admin:webhooks_webhookendpoint_changelist")
                    if name == "delete"
                    else _to(endpoint)
                )
        context = {"act": act, "form": form, "note": act.note(endpoint)}
        return self._page(request, "act", endpoint, f"{act.title} {endpoint.name}", **context)

    def _secret(
        self,
        request: HttpRequest,
        endpoint: WebhookEndpoint | None,
        secret: str,
        title: str,
        held: int,
    ) -> HttpResponse:
        """Shown in the answer to the POST and nowhere else; the console's pages are never stored."""
        overlap = formatting.span(services.OVERLAP) if endpoint else ""
        return self._page(
            request, "secret", endpoint, title, secret=secret, overlap=overlap, held=held
        )

    def _form(
        self,
        request: HttpRequest,
        form: forms.EndpointForm,
        endpoint: WebhookEndpoint | None,
        title: str,
    ) -> HttpResponse:
        return self._page(
            request, "form", endpoint, title, form=form, actions=forms.spelled_actions()
        )

    def _page(
        self,
        request: HttpRequest,
        name: str,
        endpoint: WebhookEndpoint | None,
        title: str,
        **context: Any,
    ) -> HttpResponse:
        context |= self.admin_site.each_context(request) | {
            "title": title,
            "endpoint": endpoint,
            "opts": self.opts,
            "media": self.media,
        }
        return TemplateResponse(request, f"{PAGES}/endpoint_{name}.html", context)


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

    def has_module_permission(self, request: HttpRequest) -> bool:
        return False  # they are looked at by endpoint; one list of all of them is no place to begin

    class Media:
        css = {"all": ["webhooks/console.css"]}

    def get_urls(self) -> list[URLPattern]:
        again = path(
            "<rowid:pk>/again/",
            self.admin_site.admin_view(self.again_view),
            name="webhooks_delivery_again",
        )
        return [again, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The delivery's page, with every try."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        delivery, now = _delivery(object_id), timezone.now()
        ((_, sentence),) = deliveries.told([delivery])
        context = self.admin_site.each_context(request) | {
            "title": f"Delivery {delivery.pk}",
            "opts": self.opts,
            "media": self.media,
            "delivery": delivery,
            "sentence": sentence,
            "state": formatting.state(delivery.endpoint, now),
            "next": _next(delivery, now),
            "tries": _tries(delivery.pk),
            "may_change": is_owner(request),
        }
        return TemplateResponse(request, f"{PAGES}/delivery_page.html", context)

    def again_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        _require_owner(request)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        _delivery(pk)
        try:
            services.resend(pk, actor=_actor(request))
        except NotPossible as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            DELIVERING.give()
            self.message_user(request, "It is sent again.", messages.SUCCESS)
        return redirect("admin:webhooks_webhookdelivery_change", pk)


def _require_owner(request: HttpRequest) -> None:
    if not is_owner(request):
        raise PermissionDenied


def _endpoint(pk: int | str) -> WebhookEndpoint:
    found = WebhookEndpoint.objects.filter(pk=_number(pk)).first()
    if found is None:
        raise Http404
    return found


def _delivery(pk: int | str) -> WebhookDelivery:
    found = WebhookDelivery.objects.select_related("endpoint").filter(pk=_number(pk)).first()
    if found is None:
        raise Http404
    return found


def _acts(endpoint: WebhookEndpoint) -> list[tuple[str, Act]]:
    """What can be done to an endpoint in its present state, each with the address of its page."""
    fitting = [(name, act) for name, act in ACTS.items() if act.fits(endpoint)]
    return [
        (reverse(f"admin:webhooks_endpoint_{name}", args=[endpoint.pk]), act)
        for name, act in fitting
    ]


def _number(pk: int | str) -> int:
    text = str(pk)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _to(endpoint: WebhookEndpoint) -> HttpResponse:
    return redirect("admin:webhooks_webhookendpoint_change", endpoint.pk)


def _overview(endpoint: WebhookEndpoint, now: dt.datetime) -> dict[str, Any]:
    """What the endpoint's page shows above its deliveries."""
    figures = statistics.figures([endpoint.pk], now, statistics.MANY)[endpoint.pk]
    head = queries.head()
    windows = [("24 hours", now - statistics.DAY), ("7 days", now - statistics.WEEK)]
    return {
        "state": formatting.state(endpoint, now),
        "kind": KINDS[endpoint.kind].title if endpoint.kind in KINDS else endpoint.kind,
        "address": formatting.address(endpoint),
        "headers": formatting.header_names(endpoint),
        "overlap": _overlap(endpoint),
        "figures": figures,
        "waiting": statistics.waiting_text(figures),
        "oldest": formatting.span(now - figures.oldest) if figures.oldest else "",
        "windows": [(name, statistics.window(endpoint.pk, since)) for name, since in windows],
        "reach": statistics.reach(endpoint.pk),
        "head": head,
        "behind": statistics.behind(endpoint, head),
        "last_success": _ago(endpoint.last_success_at, now),
        "last_failure": _ago(endpoint.last_failure_at, now),
        "next_tries": [(row, _next(row, now)) for row in statistics.next_tries(endpoint.pk)],
        "most_tries": tries(),
    }


def _next(delivery: WebhookDelivery, now: dt.datetime) -> str:
    """When a delivery is tried next, in words; empty for one that is done."""
    if delivery.status != WebhookDelivery.Status.PENDING:
        return ""
    if delivery.endpoint.status != WebhookEndpoint.Status.ACTIVE:
        return "when the endpoint is enabled"
    if delivery.lease and delivery.retry_at > now:
        return "under way"
    paused = delivery.endpoint.paused_until
    return formatting.ahead(max(delivery.retry_at, paused) if paused else delivery.retry_at, now)


def _tries(pk: int) -> list[WebhookAttempt]:
    """The newest tries of a delivery, the newest first."""
    return list(WebhookAttempt.objects.filter(delivery=pk).order_by("-id")[:MOST_TRIES])


def _ago(at: dt.datetime | None, now: dt.datetime) -> str:
    return f"{formatting.moment(at)}, {formatting.span(now - at)} ago" if at else "never"


def _overlap(endpoint: WebhookEndpoint) -> str:
    """How long the former secret signs too; empty when it does not."""
    until, now = endpoint.previous_until, timezone.now()
    return (
        f"{formatting.span(until - now)}, until {formatting.moment(until)}"
        if until and until > now
        else ""
    )


def _disable(endpoint: WebhookEndpoint, form: Any, actor: Actor) -> str:
    services.disable(endpoint.pk, actor=actor, reason=form.cleaned_data["reason"])
    return f"The endpoint {endpoint.name} is disabled. What happens meanwhile waits for it."


def _enable(endpoint: WebhookEndpoint, form: Any, actor: Actor) -> str:
    skip = form.cleaned_data["missed"] == "skip"
    services.enable(endpoint.pk, actor=actor, reason=form.cleaned_data["reason"], skip_missed=skip)
    FANNING_OUT.give()
    DELIVERING.give()
    return f"The endpoint {endpoint.name} is enabled{' from now on' if skip else '; what it missed is on its way'}."


def _examples(endpoint: WebhookEndpoint, form: Any, actor: Actor) -> str:
    data = form.cleaned_data
    chosen = subscriptions.actions(endpoint.events) if data["every"] else data["actions"]
    made = services.send_examples(endpoint.pk, chosen)
    DELIVERING.give()
    return f"{len(made)} examples are on their way."


def _recover(endpoint: WebhookEndpoint, form: Any, actor: Actor) -> str:
    count = services.recover(endpoint.pk, form.cleaned_data["since"], actor=actor)
    DELIVERING.give()
    return f"{count:,} deliveries are tried again."


def _replay(endpoint: WebhookEndpoint, form: Any, actor: Actor) -> str:
    after, until = form.start(), min(form.cleaned_data["until"] or queries.head(), queries.head())
    if until - after > MOST_REPLAYED:
        raise NotPossible(
            f"These are {until - after:,} events; use “manage.py webhooks replay … --after {after}”."
        )
    count = services.replay(endpoint.pk, after, until, actor=actor)
    DELIVERING.give()
    return f"{count:,} events are sent again."


def _delete(endpoint: WebhookEndpoint, form: Any, actor: Actor) -> str:
    services.delete(endpoint.pk, actor=actor, reason=form.cleaned_data["reason"])
    return f"The endpoint {endpoint.name} is deleted."


def _note_enable(endpoint: WebhookEndpoint) -> str:
    figures = statistics.figures([endpoint.pk], timezone.now(), most=1)[endpoint.pk]
    missed = statistics.behind(endpoint, queries.head())
    return (
        f"{missed:,} events happened meanwhile, of which it gets those that it asks for; "
        f"{statistics.waiting_text(figures)} deliveries wait for it besides."
    )


def _note_rotate(endpoint: WebhookEndpoint) -> str:
    hours = int(services.OVERLAP.total_seconds() // 3600)
    note = f"For {hours} hours both secrets sign, so that the receiver can change over without losing anything."
    overlap = _overlap(endpoint)
    return (
        f"{note} The one before this one still signs too, for {overlap}; it stops at once."
        if overlap
        else note
    )


def _note_recover(endpoint: WebhookEndpoint) -> str:
    since = _troubled_since(endpoint)
    count = statistics.given_up(endpoint.pk, since, timezone.now() + statistics.DAY)
    return f"{formatting.capped(count, statistics.MOST)} deliveries were given up since {formatting.moment(since)}."


def _troubled_since(endpoint: WebhookEndpoint) -> dt.datetime:
    return endpoint.failing_since or timezone.now() - statistics.WEEK


def _is_active(endpoint: WebhookEndpoint) -> bool:
    return bool(endpoint.status == WebhookEndpoint.Status.ACTIVE)


ACTS = {
    "examples": Act(
        title="Send examples to",
        button="Send examples",
        form=forms.ExamplesForm,
        do=_examples,
        note=lambda endpoint: (
            "Invented events, marked as examples, signed and sent like true ones."
        ),
        fits=_is_active,
    ),
    "recover": Act(
        title="Recover what was given up for",
        button="Try given up again",
        form=forms.RecoverForm,
        do=_recover,
        note=_note_recover,
        begin=lambda endpoint: {"since": _troubled_since(endpoint)},
    ),
    "replay": Act(
        title="Replay events to",
        button="Replay",
        form=forms.ReplayForm,
        do=_replay,
        note=lambda endpoint: (
            f"Sends what it asks for again, also what arrived, under the same webhook-id. The log ends at position "
            f"{queries.head():,}; a long stretch is quicker with “manage.py webhooks replay”."
        ),
    ),
    "rotate": Act(
        title="Rotate the secret of",
        button="Rotate secret",
        form=forms.RotateForm,
        do=None,
        note=_note_rotate,
        begin=lambda endpoint: {"version": endpoint.version},
        fits=lambda endpoint: endpoint.kind in KINDS and KINDS[endpoint.kind].signs,
    ),
    "disable": Act(
        title="Disable",
        button="Disable",
        form=forms.ReasonForm,
        do=_disable,
        note=lambda endpoint: (
            "Nothing is sent any more. What happens meanwhile waits until it is enabled."
        ),
        fits=_is_active,
        grave=True,
    ),
    "enable": Act(
        title="Enable",
        button="Enable",
        form=forms.EnableForm,
        do=_enable,
        note=_note_enable,
        fits=lambda endpoint: not _is_active(endpoint),
    ),
    "delete": Act(
        title="Delete",
        button="Delete",
        form=forms.ReasonForm,
        do=_delete,
        note=lambda endpoint: (
            "Its deliveries and tries go with it; the audit log keeps that it was."
        ),
        grave=True,
    ),
}
