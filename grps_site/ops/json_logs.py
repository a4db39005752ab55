"""JSON logs on standard error: one object a line, in the form of grps_site.ops.log_fields."""

import logging
import re
import sys
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import structlog

from grps_site.http.secret_paths import mask_people, mask_secrets
from grps_site.ops import log_fields, processes

UNSEEN = re.compile(
    "[\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ud800-\udfff]"
)

SHARED: list[structlog.types.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
# Loggers of libraries whose lines say nothing, or that we write ourselves with the ids of the request.
LEVELS: Mapping[str, int] = {
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "celery.app.trace": logging.WARNING,
    "celery.worker.strategy": logging.WARNING,
    "celery.beat": logging.WARNING,
    "django.security.DisallowedHost": logging.CRITICAL,  # anybody could cause a line for each request
    "django.request": logging.CRITICAL,  # grps_site.http.errors
}

log = structlog.get_logger("grps.process")


def configure(*, level: str, readable: bool, version: str, environment: str) -> None:
    """Send structlog, the standard library's loggers, warnings and uncaught errors to one handler.

    `level`: a standard level name. `readable`: text for people instead of JSON.
    """
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    contract = log_fields.Contract(processes.service(), version, environment)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_readable() if readable else _json(contract))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name, limit in LEVELS.items():
        logging.getLogger(name).setLevel(limit)
    logging.captureWarnings(True)
    if not readable and not sys.stderr.isatty():
        sys.excepthook = _log_uncaught
        sys.unraisablehook = _log_unraisable
        threading.excepthook = _log_end_of_thread


def _json(contract: log_fields.Contract) -> logging.Formatter:
    return _formatter(
        [
            contract,
            log_fields.without_people,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    )


def _readable() -> logging.Formatter:
    return _formatter([structlog.dev.ConsoleRenderer(), _anonymous_line])


def _formatter(final: list[Any]) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *final,
            _without_secrets,
            _escaped,
        ],
    )


def _escaped(logger: Any, name: str, line: Any) -> Any:
    """Escape characters that reorder or hide text, end a line, or cannot be encoded."""
    return UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", line)


def _anonymous_line(logger: Any, name: str, line: Any) -> Any:
    return mask_people(line)


def _without_secrets(logger: Any, name: str, line: Any) -> Any:
    """Mask secrets in the rendered line, which may contain a traceback."""
    return mask_secrets(line)


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        log.info("interrupted")
        return
    log.critical("unexpected error", exc_info=(kind, error, trace))


def _log_unraisable(found: Any) -> None:
    said = found.err_msg or "ignored error"
    log.error(said, exc_info=(found.exc_type, found.exc_value, found.exc_traceback))


def _log_end_of_thread(found: threading.ExceptHookArgs) -> None:
    if issubclass(found.exc_type, SystemExit) or found.exc_value is None:
        return
    log.error(
        "unexpected error in a thread",
        thread=found.thread.name if found.thread else "",
        exc_info=(found.exc_type, found.exc_value, found.exc_traceback),
    )
