"""The dialogs in which staff act on a player: what will follow, why, how long, and once however
often it is clicked.
"""

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from common.amounts import hundredths, points
from common.errors import Refused
from common.form_fields import MomentField
from console import navigation
from console.decorators import page, render
from console.players import case_summary
from console.players.case_views import find
from players.active_policy import ActivePolicy, active
from players.discipline import notes, sanctions
from players.discipline.effects import readable
from players.models import Decision, Note, Player, Sanction
from players.moderation import authorization, daily_limit
from players.moderation.actors import Staff, staff_of
from players.moderation.authorization import LONGEST_REASON, Done, Verdict, verdict
from players.moderation.command import Command
from players.points import adjustments, recommendations
from players.policy.permissions import Act
from players.policy.ranks import DAY
from players.ranks import decisions

OWN = "own"
FOR_GOOD = "good"
DAYS = (1, 3, 7, 14, 30)
FIELDS = (
    "reason",
    "until",
    "amount",
    "rank",
    "evidence",
    "text",
)  # a refusal that begins with one belongs to it


class ActForm(forms.Form):
    """Preset reasons to choose from, and one's own words beside or instead."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    preset = forms.ChoiceField(required=False, label="Reason", widget=forms.RadioSelect)
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
        presets = authorization.presets().get(name, [])
        preset = self.fields.get("preset")
        if isinstance(preset, forms.ChoiceField):
            preset.choices = [(text, text) for text in presets]
        if preset is not None and not presets:
            del self.fields["preset"]
        rank = self.fields.get("rank")
        if isinstance(rank, forms.ChoiceField):
            rank.choices = [
                (one.name, one.name) for one in policy.bundle.ranks if _may_give(one, by)
            ]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        reason = ": ".join(filter(None, (data.get("preset"), (data.get("words") or "").strip())))
        if "words" in self.fields and not reason:
            self.add_error("words", "Choose a reason, or say one in your own words.")
        return data | {"reason": reason}


class EvidenceForm(ActForm):
    evidence = forms.CharField(
        required=False,
        label="Evidence",
        help_text=f"Up to {authorization.MOST_LINKS} links that begin with https://, one a line.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class UntilForm(EvidenceForm):
    """How long: chips, or a moment of one's own."""

    duration = forms.ChoiceField(label="For", widget=forms.RadioSelect, choices=[])
    own_end = MomentField(required=False, label="Until (UTC), with “a moment of your own”")
    field_order: tuple[str, ...] = ("duration", "own_end", "preset", "words", "evidence")

    def __init__(self, *args: Any, name: str, policy: ActivePolicy, **kwargs: Any) -> None:
        super().__init__(*args, name=name, policy=policy, **kwargs)
        choices = [(str(days), f"{days} day{'s' if days > 1 else ''}") for days in DAYS]
        choices += [(FOR_GOOD, "for good")] if name == "ban" else []
        field = self.fields["duration"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [*choices, (OWN, "a moment of your own")]
        field.initial = FOR_GOOD if name == "ban" else str(policy.bundle.punishments.trial_days)

    def until(self, now: dt.datetime) -> dt.datetime | None:
        """The end that was chosen; None for good."""
        chosen = self.cleaned_data["duration"]
        if chosen == FOR_GOOD:
            return None
        return self.cleaned_data["own_end"] if chosen == OWN else now + int(chosen) * DAY

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if data.get("duration") == OWN and not data.get("own_end"):
            self.add_error("own_end", "Say until when.")
        return data


class BanForm(UntilForm):
    """A ban also says whether it holds for the person's other accounts."""

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


class TextForm(forms.Form):
    """A note: its text is all there is to say."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    text = forms.CharField(
        max_length=notes.LONGEST, label="Note", widget=forms.Textarea(attrs={"rows": 5})
    )

    def __init__(
        self, *args: Any, name: str, policy: ActivePolicy, by: Staff, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)


class ConfirmForm(TextForm):
    text = None  # type: ignore[assignment]  # nothing to say, only to confirm


@dataclass(frozen=True, slots=True)
class Doing:
    """What a rule needs to carry an act out."""

    player: Player
    form: Any
    pk: int | None
    by: Staff
    now: dt.datetime

    @property
    def command(self) -> Command:
        return Command(by=self.by, reason=self.form.cleaned_data.get("reason", ""), now=self.now)

    @property
    def evidence(self) -> list[str]:
        return str(self.form.cleaned_data.get("evidence", "")).splitlines()


@dataclass(frozen=True, slots=True)
class Dialog:
    """An act's form, the right that it asks for, and what carries it out."""

    form: Callable[..., Any]
    right: str
    do: Callable[[Doing], Done]
    on: bool = False


def _decided(decision: Decision) -> Done:
    proposed = decision.status == Decision.Status.PROPOSED
    sentence = f"{decision.to_rank} is {'proposed; an officer decides' if proposed else 'given'}."
    return Done(sentence, decision=decision)


def _ends(doing: Doing) -> dict[str, Any]:
    return {"until": doing.form.until(doing.now), "evidence": doing.evidence}


DIALOGS: dict[str, Dialog] = {
    "warn": Dialog(
        EvidenceForm,
        "players.warn",
        lambda it: sanctions.warn(it.player.user_id, it.command, evidence=it.evidence),
    ),
    "pardon": Dialog(
        ActForm, "players.warn", lambda it: sanctions.pardon(it.pk or 0, it.command), on=True
    ),
    "suspend": Dialog(
        UntilForm,
        "players.warn",
        lambda it: sanctions.suspend(it.player.user_id, it.command, **_ends(it)),
    ),
    "lift": Dialog(
        ActForm, "players.warn", lambda it: sanctions.lift(it.player.user_id, it.command)
    ),
    "ban": Dialog(
        BanForm,
        "players.ban",
        lambda it: sanctions.ban(
            it.player.user_id,
            it.command,
            alt_accounts=it.form.cleaned_data["alt_accounts"],
            **_ends(it),
        ),
    ),
    "unban": Dialog(
        ActForm, "players.ban", lambda it: sanctions.unban(it.player.user_id, it.command)
    ),
    "adjust": Dialog(
        AmountForm,
        "players.adjust",
        lambda it: adjustments.adjust(
            it.player.user_id, hundredths(it.form.cleaned_data["amount"]), it.command
        ),
    ),
    "note": Dialog(
        TextForm,
        "players.warn",
        lambda it: notes.write(it.player.user_id, it.form.cleaned_data["text"], it.command),
    ),
    "withdraw": Dialog(
        ConfirmForm,
        "players.warn",
        lambda it: notes.withdraw(it.pk or 0, it.command),
        on=True,
    ),
    "recommend": Dialog(
        ActForm,
        "players.warn",
        lambda it: recommendations.recommend(it.player.user_id, it.command),
    ),
    "propose": Dialog(
        RankForm,
        "players.warn",
        lambda it: _decided(
            decisions.propose(it.player.user_id, it.form.cleaned_data["rank"], it.command)
        ),
    ),
    "rank": Dialog(
        RankForm,
        "players.adjust",
        lambda it: _decided(
            decisions.set_rank(it.player.user_id, it.form.cleaned_data["rank"], it.command)
        ),
    ),
}
TITLES = case_summary.TITLES | {"pardon": "Pardon", "withdraw": "Withdraw the note"}


@page("players.view_player")
def act(request: HttpRequest, name: str, user_id: int, pk: int | None = None) -> HttpResponseBase:
    """An act's dialog: GET asks, POST does it once."""
    dialog = DIALOGS.get(name)
    if dialog is None or dialog.on != (pk is not None):
        raise Http404
    if not request.user.has_perm(dialog.right):
        if request.method == "POST":
            authorization.tell_refusal(name, user_id, staff_of(request).actor)
        raise PermissionDenied
    player, policy, by, now = find(user_id), active(), staff_of(request), timezone.now()
    if pk is not None and not _is_theirs(name, player, pk):
        raise Http404
    initial = {"token": uuid.uuid4()}
    form: Any = dialog.form(request.POST or None, initial=initial, name=name, policy=policy, by=by)
    back = _back(request, player)
    found = verdict(
        case_summary.JUDGED_AS.get(name, Act.NOTE),
        player,
        by,
        now=now,
        policy=policy,
        to=policy.bundle.first,
    )
    if request.method == "POST" and not found.allowed:
        authorization.tell_refusal(name, user_id, by.actor)
    elif request.method == "POST" and form.is_valid():
        answered = _do(request, dialog, Doing(player, form, pk, by, now), back)
        if answered is not None:
            return answered
    return _ask(request, name, player, form, policy, back, now, found)


def _do(request: HttpRequest, dialog: Dialog, doing: Doing, back: str) -> HttpResponse | None:
    """Carry it out and go back; None when it was refused, which the form then says."""
    token = doing.form.cleaned_data["token"]
    if not _first(token, doing.now):
        messages.info(request, "That was done already; it is not done twice.")
        return redirect(back)
    try:
        done = dialog.do(doing)
    except Refused as refusal:
        _forget(token)
        add_error(doing.form, str(refusal))
        return None
    undo = navigation.revert(done.event) if done.event and done.approval is None else ""
    say = messages.warning if done.approval is not None else messages.success
    say(request, done.sentence, extra_tags=f"undo:{undo}" if undo else "")
    return redirect(back)


def _ask(
    request: HttpRequest,
    name: str,
    player: Player,
    form: Any,
    policy: ActivePolicy,
    back: str,
    now: dt.datetime,
    found: Verdict,
) -> HttpResponse:
    case = case_summary.head(player, policy, now)
    return render(
        request,
        "console/act.html",
        f"{TITLES[name]}: {player.username}",
        player=player,
        case=case,
        form=form,
        button=TITLES[name],
        grave=name in case_summary.GRAVE,
        words=case_summary.consequence(name, case, policy),
        why_not="" if found.allowed else found.reason,
        second=found.reason if found.second else "",
        is_ban=name == "ban",
        limit=_limit(staff_of(request), now) if name == "adjust" else "",
        back=back,
    )


@page("players.view_player")
def preview(request: HttpRequest) -> HttpResponse:
    """What the player reads of a ban, as a fragment, while the form is filled."""
    reason = ": ".join(
        filter(None, (request.GET.get("preset", ""), request.GET.get("words", "").strip()))
    )
    return render(request, "console/act_seen.html", "", seen=readable(reason[:LONGEST_REASON]))


def _limit(by: Staff, now: dt.datetime) -> str:
    above = (
        f"More than {points(active().bundle.second_above):,} points at once need a second person."
    )
    limit = by.rank.adjust_limit if by.rank else None
    if limit is None:
        return above
    left = max(0, limit - daily_limit.taken(by, now).spent)
    day = f"Your limit is {points(limit):,} points a day; {points(left):,} are left. Past it a second person approves."
    return f"{day} {above}"


def _may_give(rank: Any, by: Staff) -> bool:
    return not rank.is_punishment and (by.rank is None or rank.position < by.rank.position)


def _is_theirs(name: str, player: Player, pk: int) -> bool:
    model: Any = Sanction if name == "pardon" else Note
    return bool(model.objects.filter(pk=pk, player=player).exists())


def add_error(form: Any, text: str) -> None:
    """A refusal under the field that it names, else above all of them."""
    field, _, rest = text.partition(": ")
    shown = {"reason": "words", "until": "own_end"}.get(field, field)
    shown = shown if shown in form.fields else field
    known = field in FIELDS and shown in form.fields
    form.add_error(shown if known else None, rest[:1].upper() + rest[1:] if known else text)


def _back(request: HttpRequest, player: Player) -> str:
    """Where they came from, if that is here; else the case file."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(
        wanted, {request.get_host()}, require_https=request.is_secure()
    )
    here = safe and wanted.startswith("/")  # else it could name a view
    return wanted if here else reverse("console:player", args=[player.user_id])


def _first(token: uuid.UUID, now: dt.datetime) -> bool:
    """Whether a form is sent for the first time."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM sent_forms WHERE at < %s", [now - DAY])
        cursor.execute(
            "INSERT INTO sent_forms (token, at) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [token, now],
        )
        return bool(cursor.rowcount)


def _forget(token: uuid.UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM sent_forms WHERE token = %s", [token])


urls = [
    path("acts/preview/", preview, name="act-preview"),
    path("acts/<slug:name>/<userid:user_id>/", act, name="act"),
    path("acts/<slug:name>/<userid:user_id>/<rowid:pk>/", act, name="act-on"),
]
