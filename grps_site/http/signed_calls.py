"""Verify signed calls, and find the visitor for whom a signed call is made (docs/api.md)."""

import hmac
import re
import threading

from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from common import database_clock, previous_secrets
from common.client_address import client_address, parse_address
from common.parsing import whole_number
from grps_site.http.request_signing import SignedCall, signature

WINDOW = 300  # largest difference in seconds between a signature's time and ours
NONCE = re.compile(r"[A-Za-z0-9._~-]{16,128}")
MAX_SEEN = 20_000  # nonces of reads that a process remembers
VISITOR = "grps.visitor"  # key in the WSGI environment: the verified address

_seen: dict[str, None] = {}
_seen_lock = threading.Lock()


def verify(request: HttpRequest | Request) -> str:
    """Return the nonce of a signed call, which may have been used before.

    Raises AuthenticationFailed.
    """
    timestamp, nonce, given = (
        request.headers.get(f"x-grps-{part}", "") for part in ("timestamp", "nonce", "signature")
    )
    if not settings.AUTOMATION_SIGNATURE_SECRET:
        raise AuthenticationFailed(
            "Signed calls are closed: AUTOMATION_SIGNATURE_SECRET is not configured."
        )
    _check_timestamp(timestamp)
    if not NONCE.fullmatch(nonce):
        raise AuthenticationFailed(
            "x-grps-nonce must be 16 to 128 letters, digits, `.`, `_`, `~` or `-`."
        )
    visitor = request.headers.get("x-grps-visitor", "")
    call = SignedCall(str(request.method), _target(request), request.body, visitor)
    if not _is_signed(call.message(timestamp, nonce), given):
        raise AuthenticationFailed("x-grps-signature does not fit the call.")
    return nonce


def verify_once(request: HttpRequest | Request) -> None:
    """Accept a signed call the first time. Raises AuthenticationFailed."""
    # The nonce is used only after the signature was verified: a forged call must not use up the
    # nonce of another caller.
    nonce = verify(request)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO nonces (nonce) VALUES (%s) ON CONFLICT DO NOTHING", [nonce])
        if cursor.rowcount != 1:
            raise AuthenticationFailed(
                "x-grps-nonce was used before; take a new one for every call."
            )


def is_signed_read(request: HttpRequest) -> bool:
    """Return whether a read has a valid signature that this process has not seen lately.

    Nothing is written to the database: a repeated read does no harm, and it is bound to one path
    and query, which the cache answers.
    """
    if "x-grps-signature" not in request.headers:
        return False
    try:
        nonce = verify(request)
    except AuthenticationFailed:
        return False
    return _remember(nonce)


def _remember(nonce: str) -> bool:
    """Store a nonce instead of the oldest one. Returns False if it is stored already."""
    with _seen_lock:  # request threads share it
        if nonce in _seen:
            return False
        if len(_seen) >= MAX_SEEN:
            del _seen[next(iter(_seen))]
        _seen[nonce] = None
        return True


def visitor_address(request: HttpRequest | Request) -> str:
    """Return the address in x-grps-visitor, or the client's if the header is absent.

    Raises AuthenticationFailed if the call is not signed. Its nonce is used up unless it is a read.
    """
    given = request.headers.get("x-grps-visitor")
    if given is None:
        return client_address(request)
    if VISITOR not in request.META:
        (verify if request.method in {"GET", "HEAD"} else verify_once)(request)
        request.META[VISITOR] = _address(given)
    return str(request.META[VISITOR])


def _address(text: str) -> str:
    address = parse_address(text)
    if address is None:
        raise AuthenticationFailed("x-grps-visitor must be an IP address.")
    return address


def _target(request: HttpRequest | Request) -> str:
    query = request.META.get("QUERY_STRING", "")
    return f"{request.path}?{query}" if query else request.path


def _check_timestamp(timestamp: str) -> None:
    moment = whole_number(timestamp, most=10**12)
    if moment is None:
        raise AuthenticationFailed("x-grps-timestamp must be whole seconds since 1970.")
    if abs(database_clock.timestamp() - moment) > WINDOW:
        raise AuthenticationFailed("x-grps-timestamp is more than 5 minutes off; check the clock.")


def _is_signed(message: bytes, given: str) -> bool:
    secrets = [settings.AUTOMATION_SIGNATURE_SECRET, settings.AUTOMATION_SIGNATURE_SECRET_PREVIOUS]
    expected = [f"v1={signature(secret, message)}".encode() for secret in secrets if secret]
    # All secrets are compared, so that the duration does not depend on which one fits.
    matches = [hmac.compare_digest(one, given.encode("utf-8", "replace")) for one in expected]
    return previous_secrets.any_match("AUTOMATION_SIGNATURE_SECRET", matches)
