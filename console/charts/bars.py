"""Bars by day, stacked by series.

Series differ in pattern as well as colour, and a table repeats the figures.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

WIDTH, HEIGHT, BASE = 320, 90, 78  # units of the drawing; the days are written below BASE
SERIES = 6  # series with distinct patterns


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle of the drawing."""

    x: float
    y: float
    width: float
    height: float
    look: int


def bars(
    title: str,
    days: Sequence[dt.date],
    series: Mapping[str, Mapping[dt.date, Decimal]],
    *,
    unit: str = "",
) -> SafeString:
    """Return a chart of some days.

    `series`: the figures of each name by day. A missing day counts as 0.
    """
    names = [*series][:SERIES]
    totals = [
        sum((series[name].get(day, Decimal(0)) for name in names), Decimal(0)) for day in days
    ]
    highest = max(totals, default=Decimal(0))
    context = {
        "title": title,
        "unit": unit,
        "names": list(enumerate(names)),
        "bars": _drawn(days, [series[name] for name in names], highest),
        "first": days[0],
        "last": days[-1],
        "highest": highest,
        "sum": sum(totals, Decimal(0)),
        "rows": [
            (day, [series[name].get(day, Decimal(0)) for name in names]) for day in reversed(days)
        ],
        "width": WIDTH,
        "height": HEIGHT,
        "base": BASE,
    }
    return render_to_string("console/charts/bars.html", context)


def _drawn(
    days: Sequence[dt.date], series: Sequence[Mapping[dt.date, Decimal]], highest: Decimal
) -> list[Bar]:
    step = WIDTH / len(days)
    found = []
    for column, day in enumerate(days):
        top = float(BASE)
        for look, values in enumerate(series):
            height = float(values.get(day, Decimal(0)) / highest) * (BASE - 4) if highest else 0.0
            top -= height
            if height > 0:
                found.append(
                    Bar(
                        round(column * step + 2, 2),
                        round(top, 2),
                        round(step - 4, 2),
                        round(height, 2),
                        look,
                    )
                )
    return found
