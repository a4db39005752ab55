"""Forms of bulk jobs and adjustments."""

from collections.abc import Callable
from typing import Any

from django import forms

from common.form_fields import MomentField
from console.actions.forms import FORMS, ActForm
from console.audit.forms import actors_of
from players.actions.params import NoteText
from players.actions.registry import BY_NAME
from players.discipline import notes
from players.moderation.input import LONGEST_REASON

# Bytes of an upload, some 60,000 rows. The command accepts more and shows its progress.
LARGEST_FILE = 1_000_000


class ReasonField(forms.CharField):
    def __init__(self, help_text: str = "In a sentence; it goes into the audit log.") -> None:
        super().__init__(max_length=LONGEST_REASON, help_text=help_text)


class NoteForm(ActForm):
    text = forms.CharField(
        max_length=notes.LONGEST,
        label="Note",
        help_text="On each of them.",
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    field_order = ("text", "preset", "words")


class RevertForm(forms.Form):
    """An actor, a span of time, and the reason to revert the actor's actions."""

    actor = forms.CharField(
        max_length=100,
        label="Who did it",
        help_text="name, Roblox user id, or kind:id",
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    since = MomentField(label="From (UTC)")
    until = MomentField(label="Until (UTC)")
    reason = ReasonField()

    def clean_actor(self) -> tuple[tuple[str, str], ...]:
        return actors_of(self.cleaned_data["actor"].strip())


class UploadForm(forms.Form):
    """A file and the reason. Two submits with the same `token` are one upload."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    file = forms.FileField(
        label="File",
        help_text="CSV with the columns userId, amount and, if you like, reason; or JSONL with these"
        " names. At most 1 MB; for more: manage.py adjust file FILE --reason …",
        widget=forms.FileInput(attrs={"accept": ".csv,.jsonl,.ndjson"}),
    )
    reason = ReasonField("Of the whole, in a sentence; it goes into the audit log.")

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > LARGEST_FILE:
            raise forms.ValidationError(
                f"It has {file.size:,} bytes; {LARGEST_FILE:,} are the most here."
                " Use manage.py adjust file FILE --reason …"
            )
        return file


def act_form(act: str) -> Callable[..., Any]:
    """Return the form of an action's dialog. A note also gets the reason of its job."""
    shape = BY_NAME[act].params
    return NoteForm if shape is NoteText else FORMS.get(shape, ActForm)
