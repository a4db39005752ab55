"""Erased people stay recognised when DJANGO_SECRET_KEY changes, and no key of a mark gets lost."""

import base64
import datetime as dt
import secrets
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from players.models import ErasureOrder
from players.privacy import marks, orders
from tests.players.conftest import Game

USER = 7_700_077_001
pytestmark = pytest.mark.django_db


def new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def erase(user_id: int = USER) -> ErasureOrder:
    """Erase a user to the end: only the mark stays."""
    now = timezone.now()
    made, _ = orders.order(f"n-{user_id}", user_id, [], actor=orders.ROBLOX, now=now)
    ErasureOrder.objects.filter(pk=made.pk).update(
        status="done", user_id=None, tables_erased_at=now, stores_erased_at=now
    )
    made.refresh_from_db()
    return made


def is_erased(game: Game) -> bool:
    before = (timezone.now() - dt.timedelta(minutes=5)).isoformat()
    receipt = game.send(game.event(USER, 2, total=30, occurredAt=before))
    return [one["code"] for one in receipt["rejected"]] == ["ERASED"]


def test_an_erased_person_stays_erased_after_the_django_key_was_replaced(
    settings: Any, game: Game
) -> None:
    settings.ERASURE_MARK_KEYS = [new_key()]
    erase()
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = secrets.token_urlsafe(50), []
    assert is_erased(game)
    settings.ERASURE_MARK_KEYS = [new_key(), *settings.ERASURE_MARK_KEYS]
    assert is_erased(game)


def test_a_key_made_from_the_django_key_keeps_its_marks(settings: Any, game: Game) -> None:
    settings.ERASURE_MARK_KEYS = []
    erase()
    settings.ERASURE_MARK_KEYS = [base64.b64encode(marks.derive(settings.SECRET_KEY)).decode()]
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = secrets.token_urlsafe(50), []
    assert is_erased(game)


def test_names_of_an_open_order_are_readable_with_an_earlier_key(settings: Any) -> None:
    settings.ERASURE_MARK_KEYS = [new_key()]
    sealed = marks.cipher().encrypt(b"a name")
    settings.ERASURE_MARK_KEYS = [new_key(), *settings.ERASURE_MARK_KEYS]
    assert marks.cipher().decrypt(sealed) == b"a name"


def test_an_open_order_is_recognised_without_its_mark(settings: Any) -> None:
    settings.ERASURE_MARK_KEYS = [new_key()]
    orders.order("n", USER, [], actor=orders.ROBLOX, now=timezone.now())
    settings.ERASURE_MARK_KEYS = [new_key()]
    assert orders.erased([USER, 1]) == {USER: None}


def test_the_lost_key_of_a_mark_stops_bootstrap_and_is_a_finding(
    settings: Any, client: Client
) -> None:
    settings.ERASURE_MARK_KEYS = [new_key()]
    made = erase()
    call_command("bootstrap", quiet=True)
    settings.ERASURE_MARK_KEYS = [new_key()]
    assert marks.lost_key_ids() == {made.mark_key}
    with pytest.raises(CommandError, match=made.mark_key):
        call_command("bootstrap", quiet=True)
    deep = client.get("/health/deep").json()["checks"]["marks of erased people"]
    assert not deep["ok"]
    assert made.mark_key in deep["detail"]
