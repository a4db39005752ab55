"""The console's components and its one form of dates, numbers and counts."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings as configured
from django.template import engines

from common import database_clock
from console.templatetags import design
from players.models import Player, Rank
from tests.console.staff import owner_client, plain_client

AT = dt.datetime(2026, 5, 14, 18, 5, 7, tzinfo=dt.UTC)


def shown(template: str, **context: object) -> str:
    return engines["django"].from_string(template).render(context).strip()


def test_a_moment_is_written_in_utc_for_the_script() -> None:
    assert shown("{{ at|moment }}", at=AT) == (
        '<time class="c-moment" datetime="2026-05-14T18:05:07+00:00" data-moment>'
        "2026-05-14 18:05 UTC</time>"
    )
    paris = AT.astimezone(dt.timezone(dt.timedelta(hours=2)))
    assert ">2026-05-14 18:05:07 UTC<" in shown('{{ at|moment:"seconds" }}', at=paris)
    assert shown("{{ at|day }} {{ on|day }}", at=paris, on=dt.date(2026, 1, 2)) == (
        "2026-05-14 2026-01-02"
    )


def test_a_time_that_is_not_known_is_never_shown_as_one() -> None:
    for at in (None, dt.datetime(1970, 1, 1, tzinfo=dt.UTC)):
        assert shown("{{ at|moment }}{{ at|day }}{{ at|waiting }}", at=at) == ""
        assert shown("{{ at|ago }}", at=at) == "never"
        assert shown('{{ at|ago:"not yet" }}', at=at) == "not yet"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (5, "just now"),
        (61, "1 minute ago"),
        (7_300, "2 hours ago"),
        (86_400, "1 day ago"),
        (15 * 86_400, "2 weeks ago"),
        (800 * 86_400, "2 years ago"),
    ],
)
def test_the_past_is_told_in_one_unit(seconds: int, words: str) -> None:
    at = database_clock.now() - dt.timedelta(seconds=seconds)
    assert f">{words}</time>" in shown("{{ at|ago }}", at=at)


def test_numbers_and_counts_have_one_form() -> None:
    assert shown("{{ n|number }}", n=1234567) == "1,234,567"
    assert shown("{{ n|number }}", n=Decimal("8911.40")) == "8,911.40"
    assert shown("{{ n|number }}", n=Decimal("6420.00")) == "6,420"
    assert shown('{{ n|counted:"warning" }}', n=1) == "1 warning"
    assert shown('{{ n|counted:"warning" }}', n=0) == "0 warnings"
    assert shown('{{ n|counted:"entry,entries" }}', n=2000) == "2,000 entries"


def test_what_people_typed_is_escaped_in_components() -> None:
    typed = "<b>x</b>"
    templates = (
        "{% badge typed %}",
        "{% stat typed typed typed %}",
        "{% empty typed typed %}",
        '{% card typed "a" %}{{ typed }}{% endcard %}',
        "{% table typed %}{{ typed }}{% endtable %}",
    )
    for template in templates:
        assert "<b>" not in shown(template, typed=typed), template


def test_an_unknown_tone_is_an_error() -> None:
    with pytest.raises(ValueError, match="loud"):
        shown('{% badge "x" "loud" %}')


def test_a_player_has_an_initial_or_a_picture(settings: Any) -> None:
    player = Player(pk=8, user_id=8, username="_étoile", display_name="", listed=True)
    settings.AVATARS = False
    assert ">É</span>" in shown("{% avatar player %}", player=player)
    settings.AVATARS = True
    assert 'src="/admin/players/8/avatar/"' in shown("{% avatar player %}", player=player)
    player.listed = False
    assert "<img" not in shown("{% avatar player %}", player=player)
    assert design.initial(Player(username="__", display_name="")) == "?"


@pytest.mark.django_db
@pytest.mark.usefixtures("bootstrapped")
def test_the_page_shows_all_components_to_all_staff() -> None:
    client = plain_client()
    page = client.get("/admin/design/").content.decode()
    for part in ("c-head", "c-table", "c-filter", "c-card", "c-chip", "c-timeline", "c-stat"):
        assert f'class="{part}' in page, part
    for part in ("chart", "c-empty", "c-note", "c-field", "c-tabs", "c-avatar"):
        assert f'class="{part}' in page, part
    assert 'data-dialog href="/admin/design/dialog/"' in page
    assert "data-dialog-body" in client.get("/admin/design/dialog/").content.decode()


@pytest.mark.django_db
@pytest.mark.usefixtures("bootstrapped")
def test_the_initial_is_drawn_while_there_is_no_picture() -> None:
    client = owner_client()
    rank = Rank.objects.get(name="Initiate")
    player = Player.objects.create(
        user_id=77, username="nia", display_name="", rank=rank, rank_since=AT, named_at=AT
    )
    answer = client.get(f"/admin/players/{player.user_id}/avatar/")
    assert answer["Content-Type"] == "image/svg+xml"
    assert answer["Cache-Control"] == "private, max-age=600"
    assert ">N</text>" in answer.content.decode()


def test_the_tags_need_no_load() -> None:
    assert "console.templatetags.design" in configured.TEMPLATES[0]["OPTIONS"]["builtins"]
