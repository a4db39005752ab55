"""Actions of owners on an existing endpoint: one EndpointAction for each."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from audits import queries
from common import database_clock
from common.errors import Refused
from console.webhooks import forms
from console.webhooks.queries import secret_overlap
from players.moderation.actors import Staff
from players.moderation.command import Command
from webhooks.endpoints import change_requests, redelivery, services, statistics
from webhooks.endpoints.change_requests import IssuedSecret
from webhooks.formats import FORMATS
from webhooks.messages import formatting
from webhooks.models import WebhookEndpoint
from webhooks.outbound import subscriptions
from webhooks.tasks import DELIVERING, FANNING_OUT

REPLAY_LIMIT = 20_000  # events in one request, since the browser waits while they are read


@dataclass(frozen=True, slots=True)
class EndpointAction:
    """An action with a page that asks for confirmation.

    `perform` returns the message for the person, or the new secret. It raises Refused. `notice`
    returns what the person must know before; `initial` fills the form. `severe` actions are shown
    in red.
    """

    title: str
    button: str
    form: type[forms.EndpointActForm]
    perform: Callable[[WebhookEndpoint, Any, Staff], str | IssuedSecret]
    notice: Callable[[WebhookEndpoint], str]
    initial: Callable[[WebhookEndpoint], dict[str, Any]] = lambda endpoint: {}
    is_available: Callable[[WebhookEndpoint], bool] = lambda endpoint: True
    severe: bool = False


def _send_examples(endpoint: WebhookEndpoint, form: Any, by: Staff) -> str:
    data = form.cleaned_data
    chosen = subscriptions.actions(endpoint.events) if data["every"] else data["actions"]
    examples = redelivery.send_examples(endpoint.pk, chosen)
    DELIVERING.give()
    return f"{len(examples)} examples are on their way."


def _recover(endpoint: WebhookEndpoint, form: Any, by: Staff) -> str:
    count = redelivery.recover(endpoint.pk, form.cleaned_data["since"], actor=by.actor)
    DELIVERING.give()
    return f"{count:,} deliveries are tried again."


def _recover_notice(endpoint: WebhookEndpoint) -> str:
    since = _recover_since(endpoint)
    count = statistics.given_up(endpoint.pk, since, database_clock.now() + statistics.DAY)
    number = formatting.capped(count, statistics.MOST)
    return f"{number} deliveries were given up since {formatting.moment(since)}."


def _recover_since(endpoint: WebhookEndpoint) -> dt.datetime:
    return endpoint.failing_since or database_clock.now() - statistics.WEEK


def _replay(endpoint: WebhookEndpoint, form: Any, by: Staff) -> str:
    head = queries.head()
    after, until = form.start(), min(form.cleaned_data["until"] or head, head)
    if until - after > REPLAY_LIMIT:
        raise Refused(
            f"These are {until - after:,} events, too many for this page. Use "
            f"“manage.py webhooks replay … --after {after}” instead."
        )
    count = redelivery.replay(endpoint.pk, after, until, actor=by.actor)
    DELIVERING.give()
    return f"{count:,} events are sent again."


def _replay_notice(endpoint: WebhookEndpoint) -> str:
    return (
        "Sends the events that this endpoint subscribes to again, also those that arrived. "
        "Each keeps its webhook-id. "
        f"The audit log ends at position {queries.head():,}. "
        "For a long stretch, “manage.py webhooks replay” is quicker."
    )


def _rotate(endpoint: WebhookEndpoint, form: Any, by: Staff) -> IssuedSecret:
    data = form.cleaned_data
    command = Command(by=by, reason=data["reason"], now=database_clock.now())
    return change_requests.ask_rotate(endpoint, data["version"], command)


def _rotate_notice(endpoint: WebhookEndpoint) -> str:
    hours = int(services.OVERLAP.total_seconds() // 3600)
    notice = (
        f"For {hours} hours both secrets sign, "
        "so that the receiver can change over without losing a message."
    )
    overlap = secret_overlap(endpoint)
    if not overlap:
        return notice
    return f"{notice} The secret before this one still signs for {overlap}. It stops at once."


def _signs(endpoint: WebhookEndpoint) -> bool:
    return endpoint.kind in FORMATS and FORMATS[endpoint.kind].signs


def _disable(endpoint: WebhookEndpoint, form: Any, by: Staff) -> str:
    services.disable(endpoint.pk, actor=by.actor, reason=form.cleaned_data["reason"])
    return f"The endpoint {endpoint.name} is disabled. Events wait until it is enabled."


def _enable(endpoint: WebhookEndpoint, form: Any, by: Staff) -> str:
    reason, skip = form.cleaned_data["reason"], form.cleaned_data["missed"] == "skip"
    services.enable(endpoint.pk, actor=by.actor, reason=reason, skip_missed=skip)
    FANNING_OUT.give()
    DELIVERING.give()
    if skip:
        return f"The endpoint {endpoint.name} is enabled. It gets events from now on."
    return f"The endpoint {endpoint.name} is enabled. The events that it missed are on their way."


def _enable_notice(endpoint: WebhookEndpoint) -> str:
    figures = statistics.figures([endpoint.pk], database_clock.now(), most=1)[endpoint.pk]
    missed = statistics.behind(endpoint, queries.head())
    return (
        f"{missed:,} events happened meanwhile. It gets those that it subscribes to. "
        f"{statistics.waiting_text(figures)} more deliveries wait for it."
    )


def _delete(endpoint: WebhookEndpoint, form: Any, by: Staff) -> str:
    services.delete(endpoint.pk, actor=by.actor, reason=form.cleaned_data["reason"])
    return f"The endpoint {endpoint.name} is deleted."


def _is_active(endpoint: WebhookEndpoint) -> bool:
    return bool(endpoint.status == WebhookEndpoint.Status.ACTIVE)


ACTIONS = {
    "examples": EndpointAction(
        title="Send examples to",
        button="Send examples",
        form=forms.ExamplesForm,
        perform=_send_examples,
        notice=lambda endpoint: (
            "Invented events, marked as examples, signed and sent like real ones."
        ),
        is_available=_is_active,
    ),
    "recover": EndpointAction(
        title="Retry failed deliveries to",
        button="Retry failed deliveries",
        form=forms.RecoverForm,
        perform=_recover,
        notice=_recover_notice,
        initial=lambda endpoint: {"since": _recover_since(endpoint)},
    ),
    "replay": EndpointAction(
        title="Replay events to",
        button="Replay",
        form=forms.ReplayForm,
        perform=_replay,
        notice=_replay_notice,
    ),
    "rotate": EndpointAction(
        title="Rotate the secret of",
        button="Rotate secret",
        form=forms.RotateForm,
        perform=_rotate,
        notice=_rotate_notice,
        initial=lambda endpoint: {"version": endpoint.version},
        is_available=_signs,
    ),
    "disable": EndpointAction(
        title="Disable",
        button="Disable",
        form=forms.ReasonForm,
        perform=_disable,
        notice=lambda endpoint: (
            "Nothing is sent until it is enabled again. Events wait until then."
        ),
        is_available=_is_active,
        severe=True,
    ),
    "enable": EndpointAction(
        title="Enable",
        button="Enable",
        form=forms.EnableForm,
        perform=_enable,
        notice=_enable_notice,
        is_available=lambda endpoint: not _is_active(endpoint),
    ),
    "delete": EndpointAction(
        title="Delete",
        button="Delete",
        form=forms.ReasonForm,
        perform=_delete,
        notice=lambda endpoint: (
            "Its deliveries and their attempts are deleted too. The audit log keeps its history."
        ),
        severe=True,
    ),
}
