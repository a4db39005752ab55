"""Grave acts require a recent sign-in: Roblox's `auth_time`, or a second factor."""

import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.contrib.auth.models import User
from django.test import Client

from audits.models import AuditEvent
from console.decorators import BEGAN_AT, SIGNED_IN_AT
from tests.console.accounts.conftest import Roblox
from tests.console.conftest import Make

GRAVE = "/admin/acts/ban/502/"
AGAIN = "/admin/sign-in/with/roblox/login/?process=login&again=1&next=/admin/acts/ban/502/"


def signed_in(roblox: Roblox, player: Make, **claims: Any) -> Client:
    player(501, rank="Supreme Command")
    player(502)
    roblox.knows(501, "Commander", **claims)
    client = Client()
    assert roblox.sign_in(client, 501).status_code == 302
    return client


def age(client: Client, *keys: str, seconds: int = 3600) -> None:
    session = client.session
    for key in keys:
        session[key] = int(time.time()) - seconds
    session.save()


def sign_in_again(roblox: Roblox, client: Client) -> Any:
    return client.get(roblox.consents(roblox.asked(client, AGAIN), 501))


def is_asked(client: Client) -> bool:
    answer = client.get(GRAVE)
    assert answer.status_code in {200, 302}
    return answer.status_code == 302 and "/admin/sign-in/" in answer["Location"]


def test_a_dated_sign_in_is_fresh_and_grows_old(roblox: Roblox, player: Make) -> None:
    client = signed_in(roblox, player)
    assert not is_asked(client)
    age(client, SIGNED_IN_AT)
    assert is_asked(client)
    answer = sign_in_again(roblox, client)
    assert (answer.status_code, answer["Location"]) == (302, GRAVE)
    assert not is_asked(client)


@pytest.mark.parametrize(
    "stated",
    [
        None,
        0,
        -1,
        True,
        "now",
        3.5,
        2**63,
        pytest.param(lambda: int(time.time()) - 901, id="too old"),
        pytest.param(lambda: int(time.time()) + 3600, id="to come"),
    ],
)
def test_an_undated_roblox_sign_in_is_no_step_up(roblox: Roblox, player: Make, stated: Any) -> None:
    client = signed_in(roblox, player)
    age(client, SIGNED_IN_AT)
    roblox.knows(501, "Commander", auth_time=stated() if callable(stated) else stated)
    answer = sign_in_again(roblox, client)
    assert answer.status_code == 403
    assert "younger than 15 minutes" in answer.content.decode()
    assert "second factor" in answer.content.decode().lower()
    assert is_asked(client)
    assert client.get("/admin/players/502/").status_code == 200  # the session itself stays valid


def test_an_undated_first_sign_in_proves_nothing(roblox: Roblox, player: Make) -> None:
    client = signed_in(roblox, player, auth_time=None)
    assert client.get("/admin/players/502/").status_code == 200
    assert is_asked(client)


def test_signing_in_again_without_a_question_is_no_step_up(roblox: Roblox, player: Make) -> None:
    client = signed_in(roblox, player, auth_time=int(time.time()) - 86_400)
    client.post("/admin/logout/")
    assert roblox.sign_in(client, 501).status_code == 302
    assert client.get("/admin/players/502/").status_code == 200
    assert is_asked(client)


@pytest.mark.parametrize(("ahead", "asked"), [(50, False), (70, True)])
def test_a_clock_of_roblox_that_is_a_little_ahead_is_now(
    roblox: Roblox, player: Make, ahead: int, asked: bool
) -> None:
    client = signed_in(roblox, player, auth_time=int(time.time()) + ahead)
    assert is_asked(client) is asked
    assert client.session[SIGNED_IN_AT] <= time.time()


def test_freshness_counts_from_roblox_auth_time(roblox: Roblox, player: Make) -> None:
    client = signed_in(roblox, player, auth_time=int(time.time()) - 800)
    assert not is_asked(client)
    session = client.session
    assert time.time() - session[SIGNED_IN_AT] >= 800


def test_roblox_is_asked_to_say_when(roblox: Roblox, player: Make) -> None:
    asked = parse_qs(urlsplit(roblox.asked(Client(), AGAIN)).query)
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["900"])


def code_of(secret: str) -> str:
    """Return the authenticator's present code."""
    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))


def with_factor(client: Client) -> str:
    secret = generate_totp_secret()
    TOTP.activate(client_user(client), secret)
    return secret


def client_user(client: Client) -> Any:
    return User.objects.get(pk=client.session["_auth_user_id"])


def test_a_second_factor_steps_up_where_roblox_cannot(roblox: Roblox, player: Make) -> None:
    client = signed_in(roblox, player, auth_time=None)
    secret = with_factor(client)
    assert is_asked(client)
    ways = client.get("/admin/sign-in/?next=/admin/acts/ban/502/").content.decode()
    address = "/admin/sign-in/factor/reauthenticate/?next=/admin/acts/ban/502/"
    assert "Give your second factor" in ways
    assert client.get(address).status_code == 200
    assert client.post(address, {"code": "000000"}).status_code == 200
    assert is_asked(client)
    answer = client.post(address, {"code": code_of(secret)})
    assert (answer.status_code, answer["Location"]) == (302, GRAVE)
    assert not is_asked(client)
    ways_told = (
        AuditEvent.objects.filter(action="staff.signed_in")
        .order_by("-pk")
        .values_list("details", flat=True)
    )
    assert ways_told[0] == {"way": "second factor"}


def test_a_second_factor_needs_a_recent_sign_in(
    transactional_db: None, roblox: Roblox, player: Make
) -> None:
    client = signed_in(roblox, player, auth_time=None)
    page = "/admin/sign-in/factor/totp/activate/"
    age(client, BEGAN_AT)
    assert client.get(page).status_code == 302
    age(client, BEGAN_AT, seconds=60)
    assert client.get(page).status_code == 200
    secret = client.session["mfa.totp.secret"]
    answer = client.post(page, {"code": code_of(secret)})
    assert answer.status_code == 302
    assert client.get(answer["Location"]).status_code == 200
    assert not is_asked(client)
    assert AuditEvent.objects.filter(action="staff.factor_added").exists()
    age(client, SIGNED_IN_AT)
    assert client.get("/admin/sign-in/factor/totp/deactivate/").status_code == 302
    assert Authenticator.objects.filter(type="totp").exists()


def test_a_found_browser_sets_up_no_second_factor(roblox: Roblox, player: Make) -> None:
    client = signed_in(roblox, player, auth_time=int(time.time()) - 86_400)
    page = "/admin/sign-in/factor/totp/activate/"
    answer = client.get(page)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/sign-in/?next=")
    assert client.post(page, {"code": code_of(generate_totp_secret())}).status_code == 302
    assert not Authenticator.objects.exists()
    roblox.knows(501, "Commander")  # Roblox makes them sign in again and reports the time
    assert sign_in_again(roblox, client).status_code == 302
    assert client.get(page).status_code == 200
