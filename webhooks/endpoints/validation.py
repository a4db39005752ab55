"""The settings of an endpoint as entered, and their validation."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings

from common.ssrf import BadAddress, check_url
from common.visible_text import clean_name
from roblox.models import Experience
from webhooks.formats import format_of
from webhooks.formats.base import BadEndpoint, Format
from webhooks.outbound import subscriptions

HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,60}")
VALUE = re.compile(r"[\x20-\x7e]{0,1000}")
RESERVED = {
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "user-agent",
}
MOST_HEADERS = 20
MOST_RATE = 6000  # calls a minute


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointInput:
    """The settings of an endpoint. `address` and `headers` None: no change."""

    name: str
    kind: str
    address: str | None = None
    events: Sequence[str]
    experiences: Sequence[str] = ()
    headers: Mapping[str, str] | None = None
    rate: int | None = None


def validate(wanted: EndpointInput) -> Format:
    """Return the kind of the endpoint. Raises BadEndpoint naming the field."""
    kind = format_of(wanted.kind)
    if not clean_name(wanted.name) or len(wanted.name) > 60:
        raise BadEndpoint("name: give it 1 to 60 characters.")
    subscriptions.check(wanted.events)
    known = set(Experience.objects.values_list("key", flat=True))
    for key in wanted.experiences:
        if key not in known:
            raise BadEndpoint(
                f"experiences: there is no experience {key!r}; there are {', '.join(sorted(known))}."
            )
    if wanted.rate is not None and not 1 <= wanted.rate <= MOST_RATE:
        raise BadEndpoint(f"rate: 1 to {MOST_RATE} calls a minute, or empty for no limit.")
    if wanted.address is not None:
        try:
            check_url(
                wanted.address,
                insecure=not settings.PRODUCTION,
                exceptions=settings.WEBHOOK_ALLOWED_NETWORKS,
            )
        except BadAddress as error:
            raise BadEndpoint(f"address: {error}") from None
        kind.check(wanted.address)
    _check_headers(wanted.headers or {})
    return kind


def _check_headers(headers: Mapping[str, str]) -> None:
    if len(headers) > MOST_HEADERS:
        raise BadEndpoint(f"headers: {MOST_HEADERS} at most.")
    for name, value in headers.items():
        if not HEADER.fullmatch(name):
            raise BadEndpoint(f"headers: {name!r} is not a valid name.")
        if name.lower() in RESERVED or name.lower().startswith("webhook-"):
            raise BadEndpoint(f"headers: {name} is set by GRPS; leave it out.")
        if not VALUE.fullmatch(value):
            raise BadEndpoint(
                f"headers: the value of {name} must be plain ASCII of at most 1,000 characters."
            )


def parse_headers(text: str) -> dict[str, str]:
    """Parse `Name: value` lines. Raises BadEndpoint."""
    headers = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon:
            # The line is not shown: it may be a secret that was pasted without its name.
            raise BadEndpoint(
                f"headers: line {number} is not a header; write one `Name: value` a line."
            )
        headers[name.strip()] = value.strip()
    return headers
