"""The metrics of a worker or of beat on METRICS_PORT of the loopback address."""

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import structlog
from django.conf import settings
from prometheus_client import CONTENT_TYPE_LATEST

from grps_site.ops import metrics

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = structlog.get_logger("grps.metrics")


class _Handler(WSGIRequestHandler):
    timeout = 10  # seconds

    def log_message(self, *_: Any) -> None:
        """Write no line for a request."""


def start(port: int) -> None:
    """Answer in a thread of this process. A port that is in use is logged and not used."""
    try:
        server = make_server("127.0.0.1", port, _application, handler_class=_Handler)
    except OSError as error:
        log.error("METRICS_PORT cannot be used", port=port, error=str(error))
        return
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    log.info("metrics are served", port=server.server_port)


def start_if_configured(**_: Any) -> None:
    if settings.METRICS_PORT:
        start(settings.METRICS_PORT)


def _application(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    if not metrics.is_authorized(environ.get("HTTP_AUTHORIZATION", "")):
        start_response("401 Unauthorized", [("WWW-Authenticate", "Bearer")])
        return [b"Send the metrics token: Authorization: Bearer ...\n"]
    start_response("200 OK", [("Content-Type", CONTENT_TYPE_LATEST)])
    return [metrics.of_this_service()]
