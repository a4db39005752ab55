"""Read Roblox's ID tokens. Their times are compared with the database's clock.

The library compares them with the machine's clock, and refuses everybody when it is wrong.
"""

from typing import Any

import jwt
from allauth.socialaccount.internal import jwtkit
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from jwt.types import Options

from common import database_clock

LEEWAY = 60  # seconds by which Roblox's clock may differ from ours
CHECKED: Options = {
    "verify_signature": False,
    "verify_iss": True,
    "verify_aud": True,
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "require": ["exp", "iss", "aud"],
}


def read(token: str, *, issuer: str, audience: str) -> dict[str, Any]:
    """Return the claims of a token that Roblox's token endpoint sent over TLS.

    Its signature need not be checked then (OpenID Connect Core 1.0, section 3.1.3.7). Raises
    OAuth2Error.
    """
    try:
        claims = jwt.decode(token, issuer=issuer, audience=audience, options=CHECKED)
    except jwt.PyJWTError as error:
        raise OAuth2Error("The ID token is not valid.") from error
    now = database_clock.timestamp()
    if not _is_number(claims["exp"]) or now - LEEWAY >= claims["exp"]:
        raise OAuth2Error("The ID token has expired.")
    for name in ("iat", "nbf"):
        if name in claims and not (_is_number(claims[name]) and claims[name] <= now + LEEWAY):
            raise OAuth2Error("The ID token is not valid yet.")
    jwtkit.verify_jti(claims)
    return claims


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
