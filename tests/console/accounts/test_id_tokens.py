import datetime as dt
from typing import Any

import jwt
import pytest
import time_machine
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django.utils import timezone

from common import database_clock
from console.accounts.roblox_oauth import id_tokens

ISSUER, AUDIENCE = "https://apis.roblox.com/oauth/", "42"


def token(**changes: Any) -> str:
    now = database_clock.timestamp()
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "1", "iat": now, "exp": now + 300} | changes
    return jwt.encode(claims, "a key of Roblox, not known here......", algorithm="HS256")


def read(text: str) -> dict[str, Any]:
    return id_tokens.read(text, issuer=ISSUER, audience=AUDIENCE)


@pytest.mark.parametrize("hours", [-2, 0, 2])
def test_a_wrong_clock_of_this_machine_refuses_nobody(hours: int) -> None:
    sent = token()
    with time_machine.travel(timezone.now() + dt.timedelta(hours=hours)):
        assert read(sent)["sub"] == "1"


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 1_700_000_000},
        {"exp": True},
        {"iat": 4_000_000_000},
        {"nbf": 4_000_000_000},
        {"iss": "https://elsewhere.example"},
        {"aud": "43"},
    ],
    ids=str,
)
def test_a_token_of_another_time_or_for_another_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(OAuth2Error):
        read(token(**changes))


@pytest.mark.parametrize("text", ["", "x.y.z", "no token"])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(OAuth2Error):
        read(text)
