"""Pages of webhook endpoints and their deliveries. The actions are in `endpoint_actions`."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from common import database_clock
from common.errors import Refused
from common.parsing import is_row_id
from console.decorators import page, render
from console.webhooks import queries
from console.webhooks.endpoint_actions import ACTIONS, EndpointAction, Question
from console.webhooks.forms import EndpointForm, initial_of, labelled_actions
from players.models import Approval
from players.moderation.actors import staff_of
from players.moderation.command import Command
from webhooks.endpoints import change_requests, redelivery, services
from webhooks.endpoints.change_requests import IssuedSecret
from webhooks.messages import formatting
from webhooks.models import WebhookDelivery, WebhookEndpoint
from webhooks.tasks import DELIVERING

LIST = "admin:webhooks_webhookendpoint_changelist"
OWNER = "console.secrets"
CONFIRMED = "confirmed"  # the mark of the question that was answered with yes


def may_change(request: HttpRequest) -> bool:
    return request.user.has_perm(OWNER)


@page("webhooks.view_webhookendpoint")
@require_safe
def endpoint_page(request: HttpRequest, pk: str) -> HttpResponse:
    """Show state, figures, settings and deliveries of one endpoint."""
    endpoint, now = _endpoint(pk), database_clock.now()
    status = request.GET.get("status", "")
    status = status if status in queries.FILTERS else ""
    context = queries.overview(endpoint, now) | {
        "acts": _available_actions(endpoint) if may_change(request) else [],
        "may_change": may_change(request),
        "requests": change_requests.pending(endpoint),
        "status": status,
        "filters": queries.FILTERS.items(),
        "paged": "before" in request.GET,
        "page": queries.page(endpoint.pk, status, request.GET.get("before", "")),
    }
    return _render(request, "endpoint", endpoint.name, endpoint=endpoint, **context)


@page(OWNER)
@sensitive_post_parameters("address", "headers")
def add(request: HttpRequest) -> HttpResponse:
    """Request a new endpoint. A second owner approves it."""
    form = EndpointForm(request.POST or None, initial={"events": "*"})
    if request.method == "POST" and form.is_valid():
        try:
            issued = change_requests.ask_add(form.endpoint_input(), _command(request, form))
        except Refused as refusal:
            form.add_refusal(refusal)
        else:
            if issued.secret:
                return _show_secret(request, None, issued)
            _report_pending(request, issued.approval)
            return redirect(LIST)
    return _show_form(request, form, None, "Add an endpoint")


@page(OWNER)
@sensitive_post_parameters("address", "headers")
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change an endpoint. A new address or new headers need a second owner."""
    endpoint = _endpoint(pk)
    form = EndpointForm(
        request.POST or None,
        endpoint=endpoint,
        masked=formatting.address(endpoint),
        initial=initial_of(endpoint),
    )
    if request.method == "POST" and form.is_valid():
        try:
            wanted = form.endpoint_input()
            approval = change_requests.ask_change(endpoint, wanted, _command(request, form))
        except Refused as refusal:
            form.add_refusal(refusal)
        else:
            if approval:
                _report_pending(request, approval)
            else:
                name = form.cleaned_data["name"]
                messages.success(request, f"The endpoint {name} is changed.")
            return redirect("console:endpoint", endpoint.pk)
    return _show_form(request, form, endpoint, f"Change {endpoint.name}")


@page(OWNER)
def act(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """Show the form of the action `name`; a POST performs the action."""
    action, endpoint = ACTIONS[name], _endpoint(pk)
    form = action.form(request.POST if request.method == "POST" else None, endpoint=endpoint)
    form.initial = action.initial(endpoint)
    if request.method == "POST" and form.is_valid():
        try:
            question = action.question(endpoint, form)
            if question is not None and request.POST.get(CONFIRMED) != question.mark:
                return _ask(request, endpoint, action, question)
            done = action.perform(endpoint, form, staff_of(request))
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            if isinstance(done, IssuedSecret):
                return _show_secret(request, endpoint, done)
            messages.success(request, done)
            return redirect(LIST) if name == "delete" else redirect("console:endpoint", pk)
    context = {"act": action, "form": form, "notice": action.notice(endpoint)}
    title = f"{action.title} {endpoint.name}"
    return _render(request, "endpoint_action", title, endpoint=endpoint, **context)


def _ask(
    request: HttpRequest, endpoint: WebhookEndpoint, action: EndpointAction, question: Question
) -> HttpResponse:
    """Show how many messages would be sent, with the form's values for the confirmation."""
    given = {
        name: values
        for name, values in request.POST.lists()
        if name not in {"csrfmiddlewaretoken", CONFIRMED, *question.fixed}
    }
    fixed = {name: [value] for name, value in question.fixed.items()}
    kept = {**given, **fixed, CONFIRMED: [question.mark]}
    context = {
        "question": question,
        "kept": [(name, value) for name, values in kept.items() for value in values],
        "changed": CONFIRMED in request.POST,
        "act": action,
    }
    title = f"{action.title} {endpoint.name}"
    return _render(request, "endpoint_confirmation", title, endpoint=endpoint, **context)


@page("webhooks.view_webhookdelivery")
@require_safe
def delivery_page(request: HttpRequest, pk: str) -> HttpResponse:
    """Show one delivery with all its attempts."""
    delivery, now = _delivery(pk), database_clock.now()
    ((_, sentence),) = queries.with_sentences([delivery])
    context = {
        "delivery": delivery,
        "sentence": sentence,
        "state": formatting.state(delivery.endpoint, now),
        "next": queries.next_attempt(delivery, now),
        "attempts": queries.attempts(delivery.pk),
        "may_change": may_change(request),
    }
    return _render(request, "delivery", f"Delivery {delivery.pk}", **context)


@page(OWNER)
@require_POST
def resend(request: HttpRequest, pk: int) -> HttpResponse:
    _delivery(pk)
    try:
        redelivery.resend(pk, actor=staff_of(request).actor)
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        DELIVERING.give()
        messages.success(request, "It is sent again.")
    return redirect("console:delivery", pk)


def _endpoint(pk: int | str) -> WebhookEndpoint:
    return get_object_or_404(WebhookEndpoint, pk=_row_id(pk))


def _delivery(pk: int | str) -> WebhookDelivery:
    rows = WebhookDelivery.objects.select_related("endpoint")
    return get_object_or_404(rows, pk=_row_id(pk))


def _row_id(pk: int | str) -> str:
    if not is_row_id(str(pk)):
        raise Http404
    return str(pk)


def _command(request: HttpRequest, form: EndpointForm) -> Command:
    reason = form.cleaned_data["reason"]
    return Command(by=staff_of(request), reason=reason, now=database_clock.now())


def _available_actions(endpoint: WebhookEndpoint) -> list[tuple[str, EndpointAction]]:
    """Return the actions that the endpoint's state allows, each with the URL of its page."""
    return [
        (reverse(f"console:endpoint-{name}", args=[endpoint.pk]), action)
        for name, action in ACTIONS.items()
        if action.is_available(endpoint)
    ]


def _report_pending(request: HttpRequest, approval: Approval) -> None:
    messages.warning(
        request, f"Nothing changed yet: a second owner finds request {approval.pk} in the queue."
    )


def _show_secret(
    request: HttpRequest, endpoint: WebhookEndpoint | None, issued: IssuedSecret
) -> HttpResponse:
    """Show a secret. This is the only page that does; pages of the console are never cached."""
    name = issued.approval.arguments["name"]
    title = f"{name} gets a new secret" if endpoint else f"{name} is asked for"
    context = {
        "endpoint": endpoint,
        "secret": issued.secret,
        "approval": issued.approval,
        "overlap": formatting.span(services.OVERLAP) if endpoint else "",
    }
    return _render(request, "secret", title, **context)


def _show_form(
    request: HttpRequest, form: EndpointForm, endpoint: WebhookEndpoint | None, title: str
) -> HttpResponse:
    context = {"form": form, "endpoint": endpoint, "actions": labelled_actions()}
    return _render(request, "endpoint_form", title, **context)


def _render(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    return render(request, f"console/webhooks/{template}.html", title, **context)


ENDPOINTS, DELIVERIES = "webhooks/webhookendpoint/", "webhooks/webhookdelivery/"

# These URLs extend the paths of the admin's lists, so that rows of a list lead to these pages.
urls = [
    path(f"{ENDPOINTS}add/", add, name="endpoint-add"),
    path(f"{ENDPOINTS}<str:pk>/change/", endpoint_page, name="endpoint"),
    path(f"{ENDPOINTS}<rowid:pk>/edit/", edit, name="endpoint-edit"),
    *(
        path(f"{ENDPOINTS}<rowid:pk>/{name}/", act, {"name": name}, name=f"endpoint-{name}")
        for name in ACTIONS
    ),
    path(f"{DELIVERIES}<str:pk>/change/", delivery_page, name="delivery"),
    path(f"{DELIVERIES}<rowid:pk>/again/", resend, name="delivery-again"),
]
