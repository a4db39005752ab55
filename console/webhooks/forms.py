"""Forms of endpoints. They only read input; `webhooks.endpoints.services` judges it and its errors
are shown.
"""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from audits.actions import Action
from common.form_fields import MomentField
from roblox.models import Experience
from webhooks.endpoints import services, statistics
from webhooks.endpoints.services import Wanted
from webhooks.formats import KINDS
from webhooks.formats.base import BadEndpoint
from webhooks.messages import payloads
from webhooks.models import WebhookEndpoint

WHY = "A second person reads it before they approve."


class WriteOnly(forms.TextInput):
    """Takes a value and never shows one, not even the one just typed."""

    def format_value(self, value: Any) -> None:
        return None


class WriteOnlyArea(forms.Textarea):
    def format_value(self, value: Any) -> None:
        return None


class EndpointForm(forms.Form):
    """An endpoint as somebody wants it. Of an existing one, empty address and headers stay as they
    are.
    """

    name = forms.CharField(
        max_length=60,
        widget=forms.TextInput(attrs={"size": 40}),
        help_text="What people here call it.",
    )
    kind = forms.ChoiceField(
        choices=[(kind.name, kind.title) for kind in KINDS.values()],
        help_text="It stays as it is chosen here.",
    )
    address = forms.CharField(
        max_length=2000,
        required=False,
        widget=WriteOnly(attrs={"size": 70, "autocomplete": "off", "spellcheck": "false"}),
    )
    events = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="One pattern a line: * is everything, rank.* whatever concerns ranks, player.banned one event.",
    )
    experiences = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: all of them, and what belongs to none.",
    )
    rate = forms.IntegerField(
        required=False, label="Calls a minute at most", help_text="Empty: as fast as it takes."
    )
    headers = forms.CharField(
        required=False,
        widget=WriteOnlyArea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
        help_text="Sent with every call, one “Name: value” a line. They are not shown again.",
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
            ].help_text = "Where the messages go. It is kept encrypted and not shown again."
            del self.fields["drop_headers"]
            return
        del self.fields["kind"]
        self.fields["reason"].required = False
        self.fields["reason"].help_text = f"Needed where the address or headers change. {WHY}"
        self.fields["address"].help_text = f"Now {masked}. Empty: it stays."
        self.fields[
            "headers"
        ].help_text = "One “Name: value” a line replaces all that there are. Empty: they stay."

    def wanted(self) -> Wanted:
        """What was typed, once it is valid. Raises BadEndpoint for headers that are none."""
        data = self.cleaned_data
        headers = services.spell_headers(data["headers"]) if data["headers"].strip() else None
        return Wanted(
            name=data["name"],
            kind=self.endpoint.kind if self.endpoint else data["kind"],
            address=data["address"] or None,
            events=data["events"].split(),
            experiences=data["experiences"],
            headers={} if headers is None and data.get("drop_headers") else headers,
            rate=data["rate"],
        )

    def refuse(self, error: BadEndpoint) -> None:
        """Show a rule's words at the field that they name."""
        field, _, words = str(error).partition(": ")
        if field in self.fields:
            self.add_error(field, words)
            return
        self.add_error(None, str(error))


def initial(endpoint: WebhookEndpoint) -> dict[str, Any]:
    """What the form of an existing endpoint begins with."""
    return {
        "name": endpoint.name,
        "events": "\n".join(endpoint.events),
        "experiences": endpoint.experiences,
        "rate": endpoint.rate,
    }


class ActForm(forms.Form):
    """Something to be done to an endpoint."""

    def __init__(self, *args: Any, endpoint: WebhookEndpoint, **options: Any) -> None:
        super().__init__(*args, **options)
        self.endpoint = endpoint


class ReasonForm(ActForm):
    reason = forms.CharField(
        max_length=500,
        widget=forms.TextInput(attrs={"size": 60}),
        help_text="A sentence for the audit log.",
    )


class EnableForm(ReasonForm):
    missed = forms.ChoiceField(
        label="What happened meanwhile",
        widget=forms.RadioSelect,
        initial="send",
        choices=[
            ("send", "Send it, in order"),
            ("skip", "Skip it, with what waits, and begin with what happens from now on"),
        ],
    )


class RotateForm(ReasonForm):
    # A page that is sent a second time (the reload key) must not make another secret.
    version = forms.IntegerField(widget=forms.HiddenInput)


class ExamplesForm(ActForm):
    every = forms.BooleanField(required=False, label="One of every event that it asks for")
    actions = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, label="Or these events"
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["actions"].choices = spelled_actions()  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not data.get("every") and not data.get("actions"):
            raise ValidationError("Choose at least one event.")
        return data


class RecoverForm(ActForm):
    since = MomentField(help_text="UTC. Everything that was given up since then is tried again.")


class ReplayForm(ActForm):
    since = MomentField(required=False, help_text="UTC: everything since then …")
    after = forms.IntegerField(
        required=False,
        min_value=0,
        label="Behind position",
        help_text="… or behind a place in the audit log.",
    )
    until = forms.IntegerField(
        required=False, min_value=1, label="Up to position", help_text="Empty: up to the present."
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not self.errors and (data["since"] is None) == (data["after"] is None):
            raise ValidationError("Give either a time or a position to begin behind.")
        return data

    def start(self) -> int:
        """The place to begin behind."""
        since, after = self.cleaned_data["since"], self.cleaned_data["after"]
        return int(after) if since is None else statistics.place_before(since)


def spelled_actions() -> Sequence[tuple[str, str]]:
    """Every action with an example of its sentence."""
    now = timezone.now()
    return [(action, f"{action}: {_sentence(action, now)}") for action in map(str, Action)]


def _sentence(action: str, now: Any) -> str:
    return (
        payloads.example(action, now)
        .message.removeprefix("Example: ")
        .replace(": This is an example.", ".")
    )
