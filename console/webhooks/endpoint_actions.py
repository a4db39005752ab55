"""Actions of owners on an existing endpoint: one EndpointAction for each."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
ASKED_FROM = 5  # examples, from which on their number is asked about


def count_of(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun and verb, as `1 event is` or `2 events are`."""
    return f"{number:,} {f'{one} is' if number == 1 else f'{many or one + "s"} are'}"


@dataclass(frozen=True, slots=True)
class Question:
    """What an action would send, asked before it does.

    `fixed`: values of the form to act with, so that exactly what was counted is sent. `mark` names
    what was counted: another number is asked about again.
    """

    text: str
    button: str
    mark: str
    fixed: Mapping[str, Any] = field(default_factory=dict)


def _no_question(endpoint: WebhookEndpoint, form: Any) -> Question | None:
    return None


@dataclass(frozen=True, slots=True)
class EndpointAction:
    """An action with a page that asks for confirmation.

    `perform` returns the message for the person, or the new secret. It raises Refused. `notice`
    returns what the person must know before; `initial` fills the form. `question` counts what would
    be sent, and the person confirms the number; it raises Refused for nothing. `severe` actions are
    shown in red.
    """

    title: str
    button: str
    form: type[forms.EndpointActForm]
    perform: Callable[[WebhookEndpoint, Any, Staff], str | IssuedSecret]
    notice: Callable[[WebhookEndpoint], str]
    initial: Callable[[WebhookEndpoint], dict[str, Any]] = lambda endpoint: {}
    is_available: Callable[[WebhookEndpoint], bool] = lambda endpoint: True
    question: Callable[[WebhookEndpoint, Any], Question | None] = _no_question
    severe: bool = False


def _send_examples(endpoint: WebhookEndpoint, form: Any, by: Staff) -> str:
    examples = redelivery.send_examples(endpoint.pk, _chosen(endpoint, form))
    DELIVERING.give()
    return f"{count_of(len(examples), 'example')} on the way."


def _chosen(endpoint: WebhookEndpoint, form: Any) -> list[str]:
    data = form.cleaned_data
    return list(subscriptions.actions(endpoint.events) if data["every"] else data["actions"])


def _examples_question(endpoint: WebhookEndpoint, form: Any) -> Question | None:
    count = len(_chosen(endpoint, form))
    if count < ASKED_FROM:
        return None
    text = f"{count} invented events are sent to {endpoint.name} now, each as a message of its own."
    return Question(text, f"Send {count} examples", str(count))


def _recover(endpoint: WebhookEndpoint, form: Any, by: Staff) -> str:
    count = redelivery.recover(endpoint.pk, form.cleaned_data["since"], actor=by.actor)
    DELIVERING.give()
    return f"{count_of(count, 'delivery', 'deliveries')} tried again."


def _recover_question(endpoint: WebhookEndpoint, form: Any) -> Question:
    since, now = form.cleaned_data["since"], database_clock.now()
    count = statistics.given_up(endpoint.pk, since, now + statistics.DAY)
    if not count:
        raise Refused(f"No delivery was given up since {formatting.moment(since)}.")
    number = formatting.capped(count, statistics.MOST)
    them = "It is" if count == 1 else "They are"
    text = (
        f"{_given_up(count, since)} {them} sent to {endpoint.name} again, with the same webhook-id."
    )
    return Question(text, f"Send {number} again", number)


def _recover_notice(endpoint: WebhookEndpoint) -> str:
    since = _recover_since(endpoint)
    count = statistics.given_up(endpoint.pk, since, database_clock.now() + statistics.DAY)
    return _given_up(count, since)


def _given_up(count: int, since: dt.datetime) -> str:
    number = formatting.capped(count, statistics.MOST)
    what = "delivery was" if count == 1 else "deliveries were"
    return f"{number} {what} given up since {formatting.moment(since)}."


def _recover_since(endpoint: WebhookEndpoint) -> dt.datetime:
    return endpoint.failing_since or database_clock.now() - statistics.WEEK


def _replay(endpoint: WebhookEndpoint, form: Any, by: Staff) -> str:
    after, until = _stretch(form)
    count = redelivery.replay(endpoint.pk, after, until, actor=by.actor)
    DELIVERING.give()
    return f"{count_of(count, 'event')} sent again."


def _stretch(form: Any) -> tuple[int, int]:
    """Return after and up to which position events are replayed. Raises Refused for too many."""
    head = queries.head()
    after, until = form.start(), min(form.cleaned_data["until"] or head, head)
    if until - after > REPLAY_LIMIT:
        raise Refused(
            f"These are {until - after:,} events, too many for this page. Use "
            f"“manage.py webhooks replay … --after {after}” instead."
        )
    return after, until


def _replay_question(endpoint: WebhookEndpoint, form: Any) -> Question:
    after, until = _stretch(form)
    count = statistics.wanted_between(endpoint, after, until)
    if not count:
        raise Refused(f"{endpoint.name} subscribes to no event of that stretch.")
    what = "event is" if count == 1 else "events are"
    text = (
        f"{count:,} {what} sent to {endpoint.name}, also what arrived before: "
        f"positions {after + 1:,} to {until:,} of the audit log. A receiver that remembers "
        "webhook-ids drops repeats; a channel shows them again."
    )
    fixed = {"since": "", "after": after, "until": until}
    return Question(text, f"Send {count:,} again", f"{count} of {after} to {until}", fixed)


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
        question=_examples_question,
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
        question=_recover_question,
        notice=_recover_notice,
        initial=lambda endpoint: {"since": _recover_since(endpoint)},
    ),
    "replay": EndpointAction(
        title="Replay events to",
        button="Replay",
        form=forms.ReplayForm,
        perform=_replay,
        question=_replay_question,
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
