"""The page that shows every component of the console, for who writes pages."""

import datetime as dt
from decimal import Decimal

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import path

from console.charts.bars import bars
from console.decorators import page, render
from players.models import Player

# Fixed, so that a picture of the page is the same on every day.
FIRST = dt.date(2026, 5, 1)
AT = dt.datetime(2026, 5, 14, 18, 5, tzinfo=dt.UTC)
COLOURS = (
    "page surface sunken line border text quiet link primary grave good notice warning critical"
)


class Sample(forms.Form):
    """One field of each kind that a form row shows."""

    reason = forms.CharField(help_text="The member reads it.")
    until = forms.ChoiceField(choices=[("7", "7 days"), ("30", "30 days")])
    length = forms.ChoiceField(
        widget=forms.RadioSelect, choices=[("1", "1 day"), ("7", "7 days"), ("", "Custom date")]
    )
    note = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}), required=False)


@page()
def design(request: HttpRequest) -> HttpResponse:
    days = [FIRST + dt.timedelta(days=number) for number in range(14)]
    figures = {
        "nexus": {day: Decimal(40 + 7 * (day.day % 5)) for day in days},
        "training_site": {day: Decimal(20 + 5 * (day.day % 3)) for day in days},
    }
    players = [
        Player(id=number, user_id=number, username=name, display_name="", listed=False)
        for number, name in enumerate(("Ada", "builder_09", "citizen", "Étoile"))
    ]
    return render(
        request,
        "console/design.html",
        "Design",
        colours=COLOURS.split(),
        form=Sample({"reason": "", "until": "7", "length": "7", "note": ""}),
        chart=bars("Points a day", days, figures),
        players=list(zip(players, (Decimal("8911.44"), 6420, 310, 0), strict=True)),
        at=AT,
        tones=("good", "notice", "warning", "critical", "quiet"),
    )


@page()
def dialog(request: HttpRequest) -> HttpResponse:
    return render(request, "console/design_dialog.html", "A dialog", form=Sample())


urls = [
    path("design/", design, name="design"),
    path("design/dialog/", dialog, name="design-dialog"),
]
