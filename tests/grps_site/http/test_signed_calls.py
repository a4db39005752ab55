import json
import os
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from grps_site.http import request_signing
from grps_site.models import Nonce
from grps_site.tasks import purge_nonces
from tests.conftest import Live
from tests.shared_clock import clock_at

PATH = "/automation/decisions"
BODY = json.dumps({"userId": 4_000_000_001, "apply": False, "reason": "a test"}).encode()
LET_IN = 404  # the call was authenticated, and no player has this user id
SECRET = "a secret of the tests, long enough"
OLD_SECRET = "the secret that was there before it"

Send = Callable[..., Any]
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _secrets(settings: Any, bootstrapped: None) -> None:
    settings.AUTOMATION_SIGNATURE_SECRET = SECRET
    settings.AUTOMATION_SIGNATURE_SECRET_PREVIOUS = ""


@pytest.fixture
def send(client: Client) -> Send:
    def send(headers: dict[str, str], body: bytes = BODY, target: str = PATH) -> Any:
        return client.generic(
            "POST", target, body, content_type="application/json", headers=headers
        )

    return send


def test_it_lets_in_a_call_that_is_signed(send: Send) -> None:
    assert send(request_signing.sign(SECRET, "POST", PATH, BODY)).status_code == LET_IN


def test_it_lets_in_a_signed_query_over_a_real_connection(live: Live, settings: Any) -> None:
    settings.AUTOMATION_SIGNATURE_SECRET = os.environ["AUTOMATION_SIGNATURE_SECRET"]
    target = f"{PATH}?a=%41&b=%C3%A9+c"
    assert live.signed("POST", target, json.loads(BODY)).status_code == LET_IN


def test_it_refuses_the_same_call_a_second_time(send: Send) -> None:
    headers = request_signing.sign(SECRET, "POST", PATH, BODY)
    assert send(headers).status_code == LET_IN
    again = send(headers)
    assert again.status_code == 401
    assert "x-grps-nonce" in again.json()["detail"]


@pytest.mark.parametrize(
    ("seconds", "status"), [(-300, LET_IN), (300, LET_IN), (-301, 401), (301, 401)]
)
def test_it_takes_five_minutes_of_skew_either_way(send: Send, seconds: int, status: int) -> None:
    now = int(time.time())
    with clock_at(now):
        assert (
            send(request_signing.sign(SECRET, "POST", PATH, BODY, now=now + seconds)).status_code
            == status
        )


@pytest.mark.parametrize(
    "signed",
    [
        ("PUT", PATH, BODY),
        ("POST", "/sync/roblox", BODY),
        ("POST", f"{PATH}?dryRun=1", BODY),
        ("POST", PATH, BODY.replace(b"false", b"true ")),
        ("POST", PATH, b""),
    ],
    ids=["method", "path", "query", "body", "no body"],
)
def test_it_refuses_what_was_signed_for_another_call(
    send: Send, signed: tuple[str, str, bytes]
) -> None:
    assert send(request_signing.sign(SECRET, *signed)).status_code == 401


def test_it_refuses_a_query_that_was_added_after_signing(send: Send) -> None:
    assert (
        send(
            request_signing.sign(SECRET, "POST", PATH, BODY), target=f"{PATH}?dryRun=0"
        ).status_code
        == 401
    )


@pytest.mark.parametrize("header", ["x-grps-timestamp", "x-grps-nonce", "x-grps-signature"])
def test_it_refuses_a_call_without_one_of_the_headers(send: Send, header: str) -> None:
    headers = request_signing.sign(SECRET, "POST", PATH, BODY)
    del headers[header]
    refused = send(headers)
    assert refused.status_code == 401
    assert header in refused.json()["detail"]
    assert refused["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("x-grps-timestamp", "yesterday"),
        ("x-grps-timestamp", "9" * 13),
        ("x-grps-timestamp", "٣"),
        ("x-grps-nonce", "short"),
        ("x-grps-nonce", "n" * 129),
        ("x-grps-nonce", "spaces are not sane"),
        ("x-grps-signature", "v1="),
        ("x-grps-signature", "v1=" + "é" * 64),
        ("x-grps-signature", "v2=" + "0" * 64),
    ],
)
def test_it_refuses_a_header_that_is_not_of_its_form(send: Send, header: str, value: str) -> None:
    assert (
        send(request_signing.sign(SECRET, "POST", PATH, BODY) | {header: value}).status_code == 401
    )


def test_a_wrong_signature_does_not_use_up_the_nonce(send: Send) -> None:
    headers = request_signing.sign(SECRET, "POST", PATH, BODY)
    assert send(headers | {"x-grps-signature": "v1=" + "0" * 64}).status_code == 401
    assert send(headers).status_code == LET_IN


def test_it_takes_the_previous_secret_while_it_is_configured(send: Send, settings: Any) -> None:
    assert send(request_signing.sign(OLD_SECRET, "POST", PATH, BODY)).status_code == 401
    settings.AUTOMATION_SIGNATURE_SECRET_PREVIOUS = OLD_SECRET
    assert send(request_signing.sign(OLD_SECRET, "POST", PATH, BODY)).status_code == LET_IN
    assert send(request_signing.sign(SECRET, "POST", PATH, BODY)).status_code == LET_IN


def test_it_is_closed_without_a_secret(send: Send, settings: Any) -> None:
    settings.AUTOMATION_SIGNATURE_SECRET = ""
    refused = send(request_signing.sign("", "POST", PATH, BODY))
    assert refused.status_code == 401
    assert "AUTOMATION_SIGNATURE_SECRET" in refused.json()["detail"]


def test_a_large_body_is_refused_before_its_signature(send: Send, settings: Any) -> None:
    body = b"x" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
    assert send(request_signing.sign(SECRET, "POST", PATH, body), body).status_code == 413


def test_old_nonces_are_forgotten_and_usable_ones_are_not() -> None:
    now = timezone.now()
    Nonce.objects.create(nonce="an old one, surely", seen_at=now - timedelta(minutes=16))
    Nonce.objects.create(nonce="one that still counts", seen_at=now - timedelta(minutes=10))
    assert purge_nonces() == 1
    assert list(Nonce.objects.values_list("nonce", flat=True)) == ["one that still counts"]
