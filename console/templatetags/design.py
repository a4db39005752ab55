"""The console's components as template tags, and its one form of dates, numbers and counts.

Available in every template without `{% load %}`. The page `/admin/design/` shows each of them.
"""

import datetime as dt
from decimal import Decimal
from typing import Any

from django import template
from django.conf import settings
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from common import database_clock
from players.models import Player

register = template.Library()

TONES = ("", "good", "notice", "warning", "critical", "quiet")
UNSET = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)  # rows store an unknown moment as one before this
UNITS = (
    ("year", 365 * 86_400),
    ("month", 30 * 86_400),
    ("week", 7 * 86_400),
    ("day", 86_400),
    ("hour", 3_600),
    ("minute", 60),
)


def _known(at: dt.datetime | dt.date | None) -> bool:
    if isinstance(at, dt.datetime):
        return at >= UNSET
    return at is not None and at >= UNSET.date()


def plain_moment(at: dt.datetime, seconds: str = "") -> str:
    """Return `2026-12-01 14:02 UTC`. `seconds`: "seconds" or "exact" (microseconds)."""
    form = {"": "%H:%M", "seconds": "%H:%M:%S", "exact": "%H:%M:%S.%f"}[seconds]
    return f"{at.astimezone(dt.UTC):%Y-%m-%d {form}} UTC"


@register.filter
def moment(at: dt.datetime | None, seconds: str = "") -> SafeString | str:
    """Return a moment in UTC, "" if it is not known. A script writes the local time beside it."""
    if not isinstance(at, dt.datetime) or not _known(at):
        return ""
    return format_html(
        '<time class="c-moment" datetime="{}" data-moment>{}</time>',
        at.astimezone(dt.UTC).isoformat(),
        plain_moment(at, seconds),
    )


@register.filter
def day(at: dt.datetime | dt.date | None) -> str:
    """Return a day as `2026-12-01`, "" if it is not known."""
    if at is None or not _known(at):
        return ""
    on = at.astimezone(dt.UTC).date() if isinstance(at, dt.datetime) else at
    return f"{on:%Y-%m-%d}"


def span(seconds: float) -> str:
    """Return a length of time in its largest unit: `3 minutes`, "" below a minute."""
    for unit, length in UNITS:
        if seconds >= length:
            number = int(seconds // length)
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return ""


@register.filter
def ago(at: dt.datetime | None, otherwise: str = "never") -> SafeString | str:
    """Return how long ago a moment is, as `3 minutes ago`, with the moment as its tooltip."""
    return _relative(at, "{} ago", "just now", otherwise)


@register.filter
def waiting(at: dt.datetime | None) -> SafeString | str:
    """Return for how long something waits, as `3 minutes`, with the moment as its tooltip."""
    return _relative(at, "{}", "less than a minute", "")


def _relative(at: dt.datetime | None, form: str, shorter: str, otherwise: str) -> SafeString | str:
    if not isinstance(at, dt.datetime) or not _known(at):
        return otherwise
    length = span((database_clock.now() - at).total_seconds())
    return format_html(
        '<time datetime="{}" title="{}" data-ago>{}</time>',
        at.astimezone(dt.UTC).isoformat(),
        plain_moment(at),
        form.format(length) if length else shorter,
    )


@register.filter
def number(value: Any) -> str:
    """Return a number with commas between thousands, and with no more decimals than it has."""
    if isinstance(value, Decimal) and value == value.to_integral_value():
        value = int(value)
    return f"{value:,}" if isinstance(value, int | float | Decimal) else str(value or "")


@register.filter
def counted(value: int, nouns: str) -> str:
    """Return a number with its noun: `{{ n|counted:"warning,warnings" }}`, or "warning" alone."""
    one, _, many = nouns.partition(",")
    return f"{number(value)} {one if value == 1 else many or one + 's'}"


@register.simple_tag
def badge(text: str, tone: str = "") -> SafeString:
    """Return a badge. `tone`: good, notice, warning, critical or quiet."""
    return format_html('<span class="c-chip{}">{}</span>', _tone(tone), text)


@register.simple_tag
def stat(label: str, value: Any, hint: str = "", address: str = "") -> SafeString:
    """Return a figure with its label above and a hint below. With `address` it is a link."""
    return format_html(
        '<{} class="c-stat"{}><span class="c-stat-label">{}</span> '
        '<span class="c-stat-value">{}</span> <span class="c-stat-hint">{}</span></{}>',
        "a" if address else "div",
        format_html(' href="{}"', address) if address else "",
        label,
        number(value) if isinstance(value, int | float | Decimal) else value,
        hint,
        "a" if address else "div",
    )


@register.simple_tag
def empty(text: str, hint: str = "") -> SafeString:
    """Return what a list shows that has no rows: what is missing, and what fills it."""
    return format_html(
        '<div class="c-empty"><p>{}</p>{}</div>',
        text,
        format_html('<p class="c-empty-hint">{}</p>', hint) if hint else "",
    )


@register.simple_block_tag
def note(content: str, tone: str = "") -> SafeString:
    return format_html('<div class="c-note{}">{}</div>', _tone(tone), content)


@register.simple_block_tag
def card(content: str, title: str, name: str, level: str = "h2") -> SafeString:
    """Return a panel. `name`: its id in the page, which also names it for screen readers."""
    return format_html(
        '<section class="c-card" aria-labelledby="{0}"><{1} id="{0}">{2}</{1}>{3}</section>',
        name,
        level,
        title,
        content,
    )


@register.simple_block_tag
def table(content: str, label: str) -> SafeString:
    """Return a table that scrolls within its frame. The content is thead and tbody."""
    return format_html(
        '<div class="c-scroll" tabindex="0" role="region" aria-label="{0}">'
        '<table class="c-table"><caption class="c-visually-hidden">{0}</caption>{1}</table></div>',
        label,
        content,
    )


@register.simple_block_tag
def filter_bar(content: str, label: str) -> SafeString:
    """Return a form of filters in one row. The content is its form rows and a submit button."""
    return format_html(
        '<form class="c-filter" method="get" role="search" aria-label="{}">{}</form>',
        label,
        content,
    )


@register.inclusion_tag("console/components/form_row.html")
def form_row(field: Any) -> dict[str, Any]:
    """Show a field of a form with label, help and errors."""
    return {"field": field}


@register.simple_tag
def avatar(player: Player) -> SafeString:
    """Return the headshot of a player through this server, or the initial of their name."""
    if settings.AVATARS and player.listed and player.erased_at is None:
        address = reverse("console:player-avatar", args=[player.user_id])
        return format_html(
            '<img class="c-avatar" src="{}" alt="" width="28" height="28" loading="lazy">', address
        )
    return format_html(
        '<span class="c-avatar c-avatar-{}" aria-hidden="true">{}</span>',
        player.pk % 6,
        initial(player),
    )


def initial(player: Player) -> str:
    """Return the first letter or digit of a name in upper case, "?" without one."""
    name = player.display_name or player.username
    return next((letter.upper() for letter in name if letter.isalnum()), "?")[0]


def _tone(tone: str) -> str:
    if tone not in TONES:
        raise ValueError(f"The tone {tone!r} is not one of {TONES}.")
    return f" is-{tone}" if tone else ""
