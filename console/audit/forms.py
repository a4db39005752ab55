"""The filter form of the audit explorer. It translates names and times into ids."""

import datetime as dt
import itertools
import re
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from audits.actions import Action
from audits.search import EventFilter
from common.form_fields import MomentField
from common.parsing import whole_number
from players import former_usernames
from players.models import Player
from roblox.models import Experience

KINDS = ("staff", "experience", "system", "shell")
TELLABLE = (
    "player",
    "staff",
    "person",
    "job",
    "drift",
    "adjustment",
    "bulk",
    "policy",
    "endpoint",
    "erasure",
    "event",
)
OURS = re.compile(r"(local-)?\d{1,12}|shell")
LONGEST_KIND, LONGEST_ID = 20, 80


def _groups() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the actions as choices: each whole group, and each action of it."""
    found = []
    for name, members in itertools.groupby(
        sorted(map(str, Action)), key=lambda action: action.split(".")[0]
    ):
        actions = list(members)
        whole = [(f"{name}.", f"{name}.* (all {len(actions)})")] if len(actions) > 1 else []
        found.append((name, [*whole, *((action, action) for action in actions)]))
    return found


class Asking(forms.Form):
    """The filters of the explorer. A valid form has the property `wanted`."""

    actor = forms.CharField(
        required=False, max_length=100, label="Who did it", help_text="name, user id, or kind:id"
    )
    action = forms.ChoiceField(
        required=False, label="What", choices=[("", "every action"), *_groups()]
    )
    target = forms.CharField(
        required=False, max_length=101, label="To whom", help_text="name, user id, or kind:id"
    )
    since = MomentField(required=False, label="From (UTC)")
    until = MomentField(required=False, label="Until (UTC)")
    experience = forms.ChoiceField(required=False, label="Experience")
    request = forms.CharField(required=False, max_length=128, label="Request id")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("actor", "target", "request"):
            self.fields[name].widget.attrs |= {
                "autocomplete": "off",
                "autocapitalize": "none",
                "spellcheck": "false",
            }
        field = self.fields["experience"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            ("", "every experience"),
            *((one.key, one.name) for one in Experience.objects.order_by("key")),
        ]

    @property
    def wanted(self) -> EventFilter:
        """The filter of a valid form."""
        given = self.cleaned_data
        return EventFilter(
            actors=given["actor"],
            actions=_actions(given["action"]),
            target=given["target"],
            experience=given["experience"],
            request_id=given["request"],
            since=given["since"],
            until=given["until"],
        )

    def clean_actor(self) -> tuple[tuple[str, str], ...]:
        text = self.cleaned_data["actor"].strip()
        return actors_of(text) if text else ()

    def clean_target(self) -> tuple[str, str] | None:
        text = self.cleaned_data["target"].strip()
        if not text:
            return None
        if (exact := _kind_and_id(text)) is not None:
            return exact
        found = _players(text)
        if not found:
            raise ValidationError(
                f"No player is called {text!r}. Write the whole name, the Roblox user id or kind:id."
            )
        return "player", str(found[0].pk)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        since, until = data.get("since"), data.get("until")
        if since and until and since >= until:
            self.add_error("until", "It ends before it begins; choose a later moment here.")
        return data


def actors_of(text: str) -> tuple[tuple[str, str], ...]:
    """Return the actors of a name, Roblox user id or kind:id. Raises ValidationError for none.

    Each actor is (kind, id).
    """
    if (exact := _kind_and_id(text)) is not None:
        return (exact,)
    found = [("staff", str(player.pk)) for player in _players(text)]
    found += [("staff", f"local-{pk}") for pk in _owners(text)]
    if text.lower() in KINDS:
        raise ValidationError(f"{text} is a kind; say which one too, as {text.lower()}:id.")
    if not found:
        raise ValidationError(
            f"Nobody here is called {text!r}. Write the whole name, the Roblox user id or kind:id."
        )
    return tuple(found)


def described(wanted: EventFilter) -> dict[str, Any]:
    """Return a filter as the audit log may keep it: our ids and times. Other input becomes `…`."""
    moments = {
        name: moment.astimezone(dt.UTC).isoformat() for name, moment in _moments(wanted) if moment
    }
    given = {
        "actors": [_ours(*actor) for actor in wanted.actors],
        "actions": list(wanted.actions),
        "target": _ours(*wanted.target) if wanted.target else "",
        "experience": wanted.experience,
        "request": "…" if wanted.request_id else "",
    }
    return {name: value for name, value in given.items() if value} | moments


def _ours(kind: str, number: str) -> str:
    """Return our own kind:id. Other input is hidden, since it may be a name or a Roblox id."""
    return f"{kind}:{number}" if OURS.fullmatch(number) and kind in TELLABLE else f"{kind}:…"


def _moments(wanted: EventFilter) -> list[tuple[str, dt.datetime | None]]:
    return [("since", wanted.since), ("until", wanted.until)]


def _actions(chosen: str) -> tuple[str, ...]:
    if not chosen.endswith("."):
        return (chosen,) if chosen else ()
    return tuple(action for action in map(str, Action) if action.startswith(chosen))


def _kind_and_id(text: str) -> tuple[str, str] | None:
    kind, colon, name = text.partition(":")
    return (kind[:LONGEST_KIND].lower(), name[:LONGEST_ID]) if colon else None


def _players(text: str) -> list[Player]:
    """Return players by username or Roblox user id. A reused name may match several."""
    if text.isdecimal():
        user_id = whole_number(text)
        return list(Player.objects.filter(user_id=user_id)) if user_id is not None else []
    named = Player.objects.extra(
        where=['lower(players.username) COLLATE "C" = lower(%s)'], params=[text]
    )
    found = list(named.order_by("pk")[:5])
    former = [
        pk
        for pk, name in former_usernames.beginning_with(text, 5).items()
        if name.lower() == text.lower()
    ]
    return found + list(
        Player.objects.filter(pk__in=former).exclude(pk__in=[one.pk for one in found])
    )


def _owners(text: str) -> list[int]:
    """Return the ids of local accounts with this name."""
    local = User.objects.filter(
        username__iexact=text, account__roblox_id=None, account__isnull=False
    )
    return list(local.values_list("pk", flat=True)[:5])
