"""Forms of the actions on a player, one for each shape of parameters."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from django import forms

from common import database_clock
from common.amounts import hundredths
from common.form_fields import DayField, MomentField
from players.actions import params as shapes
from players.actions.params import Params
from players.active_policy import ActivePolicy
from players.discipline import notes
from players.moderation import input
from players.moderation.actors import Staff
from players.moderation.input import LONGEST_REASON
from players.policy.bundle import RankRule
from players.policy.ranks import DAY

OWN = "own"
FOR_GOOD = "good"
OPEN_ENDED = {
    "ban": "for good",
    "lock-promotions": "until somebody unlocks them",
    "exempt": "until somebody ends it",
}
DAYS = (1, 3, 7, 14, 30)
# The fields of a form to which a refusal may refer, by their name in the refusal.
SHOWN_AS = {"reason": "words", "until": "own_end"}
FIELDS = ("reason", "until", "amount", "rank", "evidence", "text", "first", "last", "quota")


class ActForm(forms.Form):
    """A preset reason, the person's own words, or both.

    `quick`: the text of the button beside each preset that sends the form with it; "": none.
    """

    quick = ""
    token = forms.UUIDField(widget=forms.HiddenInput)
    preset = forms.ChoiceField(required=False, label="Reason", widget=forms.RadioSelect)
    send = forms.CharField(required=False, widget=forms.HiddenInput)  # a preset's own button
    words = forms.CharField(
        required=False,
        max_length=LONGEST_REASON,
        label="In your own words",
        help_text="Beside the reason above, or instead of it.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(
        self, *args: Any, name: str, policy: ActivePolicy, by: Staff, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        presets = input.preset_reasons().get(name, [])
        preset = self.fields.get("preset")
        if isinstance(preset, forms.ChoiceField):
            preset.choices = [(text, text) for text in presets]
        if preset is not None and not presets:
            del self.fields["preset"]
        rank = self.fields.get("rank")
        if isinstance(rank, forms.ChoiceField):
            ranks = [(one.name, one.name) for one in policy.bundle.ranks if _may_give(one, by)]
            rank.choices = [("", "Choose a rank"), *ranks]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        reason = reason_in(data, self.fields.get("preset"))
        if "words" in self.fields and not reason:
            self.add_error("words", "Choose a reason, or say one in your own words.")
        return data | {"reason": reason}


def reason_in(data: dict[str, Any], preset: Any) -> str:
    """Return the reason of a form: that of the pressed button or the chosen one, and the words."""
    known = [value for value, _ in preset.choices] if preset is not None else []
    pressed = data.get("send") if data.get("send") in known else ""
    words = (data.get("words") or "").strip()
    return ": ".join(filter(None, (pressed or data.get("preset"), words)))


class EvidenceForm(ActForm):
    evidence = forms.CharField(
        required=False,
        label="Evidence",
        help_text=f"Up to {input.MOST_LINKS} links that begin with https://, one a line.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class UntilForm(EvidenceForm):
    """A duration: a preset one, or the person's own end."""

    duration = forms.ChoiceField(label="For", widget=forms.RadioSelect, choices=[])
    own_end = MomentField(required=False, label="Until (UTC), with “a moment of your own”")
    field_order: tuple[str, ...] = ("duration", "own_end", "preset", "words", "evidence")

    def __init__(self, *args: Any, name: str, policy: ActivePolicy, **kwargs: Any) -> None:
        super().__init__(*args, name=name, policy=policy, **kwargs)
        choices = [(str(days), f"{days} day{'s' if days > 1 else ''}") for days in DAYS]
        choices += [(FOR_GOOD, OPEN_ENDED[name])] if name in OPEN_ENDED else []
        field = self.fields["duration"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [*choices, (OWN, "a moment of your own")]
        field.initial = FOR_GOOD if name == "ban" else str(policy.bundle.punishments.trial_days)

    def until(self, now: dt.datetime) -> dt.datetime | None:
        """Return the chosen end. None means permanent."""
        chosen = self.cleaned_data["duration"]
        if chosen == FOR_GOOD:
            return None
        return self.cleaned_data["own_end"] if chosen == OWN else now + int(chosen) * DAY

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if data.get("duration") == OWN and not data.get("own_end"):
            self.add_error("own_end", "Say until when.")
        return data


class LockForm(UntilForm):
    """A lock of promotions, which needs no evidence."""

    evidence = None  # type: ignore[assignment]
    field_order: tuple[str, ...] = ("duration", "own_end", "preset", "words")


class ExemptionForm(LockForm):
    """An exemption from one quota of the policy, or from all."""

    quota = forms.ChoiceField(required=False, label="Quota", choices=[])
    field_order = ("quota", "duration", "own_end", "preset", "words")

    def __init__(self, *args: Any, policy: ActivePolicy, **kwargs: Any) -> None:
        super().__init__(*args, policy=policy, **kwargs)
        names = [quota.name for quota in policy.bundle.community.quotas]
        field = self.fields["quota"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "all quotas"), *((name, name) for name in names)]


class BanForm(UntilForm):
    """A ban, which may include the person's other accounts."""

    alt_accounts = forms.BooleanField(
        required=False,
        initial=True,
        label="Also their alternative accounts",
        help_text="Those that Roblox takes for the same person's. Untick it where several people share a device.",
    )
    field_order = ("duration", "own_end", "alt_accounts", "preset", "words", "evidence")


class AmountForm(ActForm):
    amount = forms.DecimalField(
        max_digits=13,
        decimal_places=2,
        label="Points",
        help_text="Below 0 takes points away. At most two decimals.",
    )
    field_order = ("amount", "preset", "words")


class RankForm(ActForm):
    rank = forms.ChoiceField(label="Rank", choices=[])
    field_order = ("rank", "preset", "words")


class LeaveForm(ActForm):
    """Whole UTC days of a leave, both included."""

    first = DayField(label="First day (UTC)")
    last = DayField(label="Last day (UTC)")
    field_order = ("first", "last", "preset", "words")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["first"].initial = database_clock.now().astimezone(dt.UTC).date()


class LastDayForm(ActForm):
    """The day on which a leave ends instead."""

    last = DayField(label="Last day (UTC)")
    field_order = ("last", "preset", "words")


class TextForm(forms.Form):
    """A note, which has a text and no reason."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    text = forms.CharField(
        max_length=notes.LONGEST, label="Note", widget=forms.Textarea(attrs={"rows": 5})
    )

    def __init__(
        self, *args: Any, name: str, policy: ActivePolicy, by: Staff, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)


class ConfirmForm(TextForm):
    text = None  # type: ignore[assignment]  # nothing to enter, only to confirm


def given(form: Any, now: dt.datetime) -> dict[str, Any]:
    """Return the action's parameters from a valid form."""
    data = form.cleaned_data
    found = {
        name: data[name]
        for name in ("rank", "text", "alt_accounts", "first", "last", "quota")
        if name in data
    }
    if "evidence" in data:
        found["evidence"] = data["evidence"].splitlines()
    if "amount" in data:
        found["amount"] = hundredths(data["amount"])
    return found | ({"until": form.until(now)} if isinstance(form, UntilForm) else {})


def add_error(form: Any, text: str) -> None:
    """Add a refusal to the field that it names, otherwise to the whole form."""
    field, _, rest = text.partition(": ")
    shown = SHOWN_AS.get(field, field)
    shown = shown if shown in form.fields else field
    known = field in FIELDS and shown in form.fields
    form.add_error(shown if known else None, rest[:1].upper() + rest[1:] if known else text)


def _may_give(rank: RankRule, by: Staff) -> bool:
    return not rank.is_punishment and (by.rank is None or rank.position < by.rank.position)


FORMS: dict[type[Params], Callable[..., Any]] = {
    shapes.Params: ActForm,
    shapes.Evidence: EvidenceForm,
    shapes.Suspension: UntilForm,
    shapes.Ban: BanForm,
    shapes.Until: LockForm,
    shapes.Pardon: ActForm,
    shapes.AdjustmentParams: AmountForm,
    shapes.NoteText: TextForm,
    shapes.NoteId: ConfirmForm,
    shapes.RankName: RankForm,
    shapes.LeavePeriod: LeaveForm,
    shapes.LastDay: LastDayForm,
    shapes.LeaveId: ActForm,
    shapes.Exemption: ExemptionForm,
    shapes.ExemptionId: ActForm,
}
