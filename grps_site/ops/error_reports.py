"""Reports of unexpected errors to Sentry, if SENTRY_DSN is set (requirements-sentry.txt).

Only what is named here is sent: where an error happened, its masked text and the ids of the request.
"""

from typing import Any

import structlog

from common import environment
from grps_site.http.secret_paths import mask_people, mask_secrets

KEPT = ("event_id", "timestamp", "level", "platform", "release", "environment", "sdk")
OF_FRAME = (
    "filename",
    "function",
    "module",
    "lineno",
    "in_app",
    "pre_context",
    "context_line",
    "post_context",
)
IDS = ("request_id", "trace_id", "task")


def start(dsn: str, *, version: str, deployment: str) -> None:
    """Report from now on. Does nothing without a DSN."""
    if not dsn:
        return
    try:
        import sentry_sdk
        from sentry_sdk.integrations.logging import LoggingIntegration
    except ImportError:
        environment.stop("SENTRY_DSN is set: run `pip install -r requirements-sentry.txt`.")
    sentry_sdk.init(
        dsn=dsn,
        release=f"grps@{version}",
        environment=deployment,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        auto_session_tracking=False,
        # Errors are caught where they happen. A line of the log would report each one again.
        integrations=[LoggingIntegration(level=None, event_level=None)],
        before_send=scrub,
    )


def scrub(event: Any, hint: Any) -> Any:
    """Return the part of an event that may be sent."""
    kept = {key: event[key] for key in KEPT if key in event}
    bound = structlog.contextvars.get_contextvars()
    kept["tags"] = {key: bound[key] for key in IDS if key in bound}
    values = event.get("exception", {}).get("values", [])
    kept["exception"] = {"values": [_exception(value) for value in values]}
    return kept


def _exception(value: Any) -> dict[str, Any]:
    frames = (value.get("stacktrace") or {}).get("frames", [])
    return {
        "type": value.get("type"),
        "module": value.get("module"),
        "value": mask_secrets(mask_people(str(value.get("value", "")))),
        "mechanism": {"type": "generic", "handled": False},
        "stacktrace": {
            "frames": [{key: frame[key] for key in OF_FRAME if key in frame} for frame in frames]
        },
    }
