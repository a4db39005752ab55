"""Both values of a secret are accepted during the overlap, and uses of the former are counted."""

from typing import Any

import pytest
from django.contrib.auth import HASH_SESSION_KEY
from django.test import Client

from common import previous_secrets
from grps_site.models import PreviousSecretUse
from tests.console.people import owner_client


@pytest.fixture(autouse=True)
def _nothing_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(previous_secrets, "_noted", {})


def scrape(token: str) -> int:
    return Client().get("/metrics", headers={"authorization": f"Bearer {token}"}).status_code


@pytest.mark.usefixtures("bootstrapped")
def test_metrics_take_both_tokens(settings: Any) -> None:
    settings.METRICS_TOKEN, settings.METRICS_TOKEN_PREVIOUS = "second", "first"
    assert (scrape("second"), scrape("third"), scrape("")) == (200, 401, 401)
    assert not PreviousSecretUse.objects.exists()
    assert scrape("first") == 200
    assert PreviousSecretUse.objects.get().name == "METRICS_TOKEN"
    settings.METRICS_TOKEN_PREVIOUS = ""
    assert (scrape("first"), scrape("")) == (401, 401)


def test_a_session_of_the_former_django_key_goes_on(db: None, settings: Any) -> None:
    owner = owner_client()
    former = settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key of this test", [former]
    signed = owner.session[HASH_SESSION_KEY]
    assert owner.get("/admin/").status_code == 200
    assert owner.session[HASH_SESSION_KEY] != signed
    assert PreviousSecretUse.objects.get().name == "DJANGO_SECRET_KEY"
    settings.SECRET_KEY_FALLBACKS = []
    assert owner.get("/admin/").status_code == 200  # it was signed again
    settings.SECRET_KEY = "a third key of this test"
    assert owner.get("/admin/").status_code == 302
