"""The form by which an event is planned."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError

from console.experiences.views import ReasonForm
from players.hosted_events import kinds, planning
from players.hosted_events.planning import Plan
from players.hosted_events.series import Repetition
from players.models import HostedEvent
from roblox.models import Experience


class UserIds(forms.CharField):
    """Roblox user ids, separated by commas or spaces."""

    def clean(self, value: Any) -> list[int]:
        words = str(super().clean(value) or "").replace(",", " ").split()
        if any(not word.isdigit() or len(word) > 18 for word in words):
            raise ValidationError("Write Roblox user ids, separated by commas.")
        return [int(word) for word in words]


class PlanForm(forms.Form):
    kind = forms.ChoiceField()
    experience = forms.ChoiceField()
    starts_at = forms.DateTimeField(
        label="Starts at",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    zone = forms.CharField(
        max_length=64, initial="UTC", label="Time zone", help_text="As Europe/Berlin."
    )
    minutes = forms.IntegerField(min_value=1, max_value=planning.MOST_MINUTES, initial=60)
    host = forms.IntegerField(
        min_value=1, required=False, help_text="A Roblox user id. Empty: you.", label="Host"
    )
    co_hosts = UserIds(required=False, label="Co-hosts", help_text="Roblox user ids.")
    title = forms.CharField(max_length=planning.LONGEST_TITLE, required=False)
    description = forms.CharField(
        max_length=planning.LONGEST_DESCRIPTION, required=False, widget=forms.Textarea
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(name, kind.title) for name, kind in kinds.kinds().items()]
        self.fields["kind"].choices = choices  # type: ignore[attr-defined]
        experiences = Experience.objects.order_by("name").values_list("key", "name")
        self.fields["experience"].choices = list(experiences)  # type: ignore[attr-defined]

    def clean_zone(self) -> str:
        zone: str = self.cleaned_data["zone"]
        if zone not in available_timezones():
            raise ValidationError("There is no such time zone; write it as Europe/Berlin.")
        return zone

    def plan(self) -> Plan:
        """Return what the form plans. Its time is of its zone."""
        found = self.cleaned_data
        return Plan(
            kind=found["kind"],
            experience=found["experience"],
            starts_at=planning.in_zone(found["starts_at"], found["zone"]),
            minutes=found["minutes"],
            host_user_id=found["host"] or 0,
            co_hosts=found["co_hosts"],
            title=found["title"],
            description=found["description"],
        )


class NewPlanForm(PlanForm):
    every_days = forms.IntegerField(
        min_value=1, max_value=366, required=False, label="Repeats every … days"
    )
    last_day = forms.DateField(
        required=False,
        label="Last day of the series",
        widget=forms.DateInput(attrs={"type": "date"}),
    )

    def repetition(self) -> Repetition | None:
        """Return how the event repeats, or None."""
        found = self.cleaned_data
        if not found["every_days"]:
            return None
        return Repetition(
            every_days=found["every_days"], zone=found["zone"], last_day=found["last_day"]
        )


class AddForm(ReasonForm):
    user_id = forms.IntegerField(min_value=1, label="Roblox user id")
    field_order = ("user_id", "reason")


def initial_of(event: HostedEvent) -> dict[str, Any]:
    """Return what a form shows of a planned event."""
    co_hosts = event.hosts.exclude(player=event.host_id).values_list("player__user_id", flat=True)
    return {
        "kind": event.kind,
        "experience": event.experience,
        "starts_at": event.starts_at.strftime("%Y-%m-%dT%H:%M") if event.starts_at else "",
        "minutes": event.minutes,
        "host": event.host.user_id,
        "co_hosts": ", ".join(map(str, co_hosts)),
        "title": event.title,
        "description": event.description,
    }
