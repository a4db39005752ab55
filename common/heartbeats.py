"""Report the end of a scheduled job to a monitor, which alerts when a report stays away.

HEARTBEAT_URLS holds the URLs. A request to URL reports success and one to URL/fail a failure, as
Better Stack and healthchecks.io expect.
"""

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import structlog
from django.conf import settings

from common import environment

TRIES = 3
TIMEOUT = 10  # seconds

log = structlog.get_logger("grps.heartbeats")


def parse(text: str) -> dict[str, str]:
    """Read `name=https://…,name=https://…`. The URLs are secrets, so no message shows them."""
    urls: dict[str, str] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, sign, url = part.partition("=")
        if not sign:
            environment.stop("HEARTBEAT_URLS must be name=https://…, separated by commas.")
        environment.address("HEARTBEAT_URLS", url.strip(), ("https", "http"))
        urls[name.strip()] = url.strip()
    return urls


def add_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--heartbeat",
        metavar="NAME",
        help="report the end to the URL of this name in HEARTBEAT_URLS",
    )


@contextmanager
def reporting(name: str | None) -> Iterator[None]:
    """Report whether the body succeeds. Without a name, or without its URL, nothing is reported.

    A report that fails is logged and does not fail the job.
    """
    url = settings.HEARTBEAT_URLS.get(name or "", "").rstrip("/")
    if not url:
        if name:
            log.warning("HEARTBEAT_URLS has no such name, so nothing is reported", heartbeat=name)
        yield
        return
    try:
        yield
    except BaseException as error:
        is_success = isinstance(error, SystemExit) and not error.code
        _ping(str(name), url if is_success else f"{url}/fail")
        raise
    _ping(str(name), url)


def _ping(name: str, url: str) -> None:
    with httpx.Client(transport=httpx.HTTPTransport(retries=TRIES), timeout=TIMEOUT) as client:
        try:
            client.get(url).raise_for_status()
        except httpx.HTTPError as error:
            log.warning("heartbeat not delivered", heartbeat=name, error=type(error).__name__)
