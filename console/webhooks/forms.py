"""Forms of endpoints. `webhooks.endpoints.services` validates them, and they show its errors."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from audits.actions import Action
from common import database_clock
from common.errors import Refused
from common.form_fields import MomentField
from roblox.models import Experience
from webhooks.endpoints import statistics, validation
from webhooks.endpoints.validation import EndpointInput
from webhooks.formats import FORMATS
from webhooks.messages import payloads
from webhooks.models import WebhookEndpoint

WHY = "A second person reads it before they approve."


class WriteOnly(forms.TextInput):
    """An input that never shows a value, not even the one just entered."""

    def format_value(self, value: Any) -> None:
        return None


class WriteOnlyArea(forms.Textarea):
    def format_value(self, value: Any) -> None:
        return None


class EndpointForm(forms.Form):
    """A new endpoint, or changes to one.

    For an existing endpoint, empty `address` and `headers` mean no change.
    """

    name = forms.CharField(
        max_length=60,
        widget=forms.TextInput(attrs={"size": 40}),
        help_text="A name for the endpoint in this console.",
    )
    kind = forms.ChoiceField(
        choices=[(kind.name, kind.title) for kind in FORMATS.values()],
        help_text="It cannot be changed later.",
    )
    address = forms.CharField(
        max_length=2000,
        required=False,
        widget=WriteOnly(attrs={"size": 70, "autocomplete": "off", "spellcheck": "false"}),
    )
    events = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="One pattern a line: * for all events, rank.* for all about ranks, player.banned for one.",
    )
    experiences = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: all experiences, and events without an experience.",
    )
    rate = forms.IntegerField(
        required=False, label="Calls a minute at most", help_text="Empty: no limit."
    )
    headers = forms.CharField(
        required=False,
        widget=WriteOnlyArea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
        help_text="Sent with every call, one “Name: value” a line. They are never shown again.",
    )
    drop_headers = forms.BooleanField(required=False, label="Remove its headers")
    reason = forms.CharField(
        max_length=500, widget=forms.TextInput(attrs={"size": 60}), help_text=WHY
    )

    def __init__(
        self, *args: Any, endpoint: WebhookEndpoint | None = None, masked: str = "", **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.endpoint = endpoint
        self.fields["experiences"].choices = list(  # type: ignore[attr-defined]
            Experience.objects.order_by("key").values_list("key", "name")
        )
        if endpoint is None:
            self.fields[
                "address"
            ].help_text = "Where messages are sent. It is stored encrypted and never shown again."
            del self.fields["drop_headers"]
            return
        del self.fields["kind"]
        self.fields["reason"].required = False
        self.fields["reason"].help_text = f"Required if the address or headers change. {WHY}"
        self.fields["address"].help_text = f"Now {masked}. Empty: no change."
        self.fields[
            "headers"
        ].help_text = (
            "One “Name: value” a line. They replace all present headers. Empty: no change."
        )

    def endpoint_input(self) -> EndpointInput:
        """Return the validated values. Raises BadEndpoint for malformed headers."""
        data = self.cleaned_data
        headers = validation.parse_headers(data["headers"]) if data["headers"].strip() else None
        return EndpointInput(
            name=data["name"],
            kind=self.endpoint.kind if self.endpoint else data["kind"],
            address=data["address"] or None,
            events=data["events"].split(),
            experiences=data["experiences"],
            headers={} if headers is None and data.get("drop_headers") else headers,
            rate=data["rate"],
        )

    def add_refusal(self, refusal: Refused) -> None:
        """Show a refusal at the field named at the beginning of its text, as `address: ...`."""
        field, _, text = str(refusal).partition(": ")
        if field in self.fields:
            self.add_error(field, text)
            return
        self.add_error(None, str(refusal))


def initial_of(endpoint: WebhookEndpoint) -> dict[str, Any]:
    return {
        "name": endpoint.name,
        "events": "\n".join(endpoint.events),
        "experiences": endpoint.experiences,
        "rate": endpoint.rate,
    }


class EndpointActForm(forms.Form):
    """Base of the forms that act on an endpoint."""

    def __init__(self, *args: Any, endpoint: WebhookEndpoint, **options: Any) -> None:
        super().__init__(*args, **options)
        self.endpoint = endpoint


class ReasonForm(EndpointActForm):
    reason = forms.CharField(
        max_length=500,
        widget=forms.TextInput(attrs={"size": 60}),
        help_text="In a sentence, for the audit log.",
    )


class EnableForm(ReasonForm):
    missed = forms.ChoiceField(
        label="Events that it missed",
        widget=forms.RadioSelect,
        initial="send",
        choices=[
            ("send", "Send them, in order"),
            ("skip", "Skip them and all waiting deliveries; send only new events"),
        ],
    )


class RotateForm(ReasonForm):
    # A form that is sent twice (a reload) must not create a second secret.
    version = forms.IntegerField(widget=forms.HiddenInput)


class ExamplesForm(EndpointActForm):
    every = forms.BooleanField(required=False, label="One of every event that it subscribes to")
    actions = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, label="Or these events"
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["actions"].choices = labelled_actions()  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not data.get("every") and not data.get("actions"):
            raise ValidationError("Choose at least one event.")
        return data


class RecoverForm(EndpointActForm):
    since = MomentField(help_text="UTC. All deliveries given up since then are tried again.")


class ReplayForm(EndpointActForm):
    since = MomentField(required=False, help_text="UTC: all events since then …")
    after = forms.IntegerField(
        required=False,
        min_value=0,
        label="After position",
        help_text="… or after a position in the audit log.",
    )
    until = forms.IntegerField(
        required=False, min_value=1, label="Up to position", help_text="Empty: up to the present."
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not self.errors and (data["since"] is None) == (data["after"] is None):
            raise ValidationError("Give either a time or a position.")
        return data

    def start(self) -> int:
        """Return the position in the audit log after which the replay starts."""
        since, after = self.cleaned_data["since"], self.cleaned_data["after"]
        return int(after) if since is None else statistics.place_before(since)


def labelled_actions() -> Sequence[tuple[str, str]]:
    """Return every action with an example of its sentence."""
    now = database_clock.now()
    return [(action, f"{action}: {_sentence(action, now)}") for action in map(str, Action)]


def _sentence(action: str, now: Any) -> str:
    return (
        payloads.example(action, now)
        .message.removeprefix("Example: ")
        .replace(": This is an example.", ".")
    )
