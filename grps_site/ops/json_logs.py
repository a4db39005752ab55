"""JSON logs on standard error, one object per line, each with the request id."""

import logging
import sys
from typing import Any

import structlog

from grps_site.http.secret_paths import MASK, mask_people, mask_secrets

SAFE_FIELDS = frozenset({"timestamp", "level", "logger", "ms"})  # never personal
FIRST_ROBLOX_ID = 10**9  # larger numbers are treated as ids of Roblox

SHARED: list[structlog.types.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.stdlib.ExtraAdder(),
]


def configure(*, level: str, readable: bool) -> None:
    """Send structlog and the standard library's loggers to one handler.

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
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(readable))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for chatty in (
        "httpx",
        "httpcore",
        "celery.app.trace",
        "celery.worker.strategy",
        "celery.beat",
    ):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.getLogger("django.request").setLevel(
        logging.CRITICAL
    )  # grps_site.http.errors logs it with the request id


def _formatter(readable: bool) -> logging.Formatter:
    final: list[Any] = (
        [structlog.dev.ConsoleRenderer(), _anonymous_line]
        if readable
        else [
            structlog.processors.format_exc_info,
            _anonymous_fields,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *final,
            _without_secrets,
        ],
    )


def _anonymous_fields(logger: Any, name: str, event: Any) -> Any:
    """Remove personal data from the values before rendering, so that the line stays valid JSON."""
    return {key: value if key in SAFE_FIELDS else _anonymous(value) for key, value in event.items()}


def _anonymous(value: Any) -> Any:
    if isinstance(value, str):
        return mask_people(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return MASK if abs(value) >= FIRST_ROBLOX_ID else value
    if isinstance(value, list | tuple):
        return [_anonymous(item) for item in value]
    return value


def _anonymous_line(logger: Any, name: str, line: Any) -> Any:
    return mask_people(line)


def _without_secrets(logger: Any, name: str, line: Any) -> Any:
    """Mask secrets in the rendered line, which may contain a traceback."""
    return mask_secrets(line)
