"""JSON logs on standard error, one object a line, with the request id wherever the line comes from."""

import logging
import sys
from typing import Any

import structlog

from grps_site.http.secret_paths import SHOWN, impersonal, masked

OWN = frozenset({"timestamp", "level", "logger", "ms"})  # written by us alone
LARGEST_OURS = 10**9  # a number from here on is an id of Roblox

SHARED: list[structlog.types.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.stdlib.ExtraAdder(),
]


def configure(*, level: str, readable: bool) -> None:
    """Send structlog and the standard library's loggers through one handler.

    `level` is a standard level name; `readable` prints for a person instead of JSON.
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
        [structlog.dev.ConsoleRenderer(), _without_people_in_line]
        if readable
        else [
            structlog.processors.format_exc_info,
            _without_people,
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


def _without_people(logger: Any, name: str, event: Any) -> Any:
    """A line's values before they are rendered: it must stay JSON."""
    return {key: value if key in OWN else _impersonal(value) for key, value in event.items()}


def _impersonal(value: Any) -> Any:
    if isinstance(value, str):
        return impersonal(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return SHOWN if abs(value) >= LARGEST_OURS else value
    if isinstance(value, list | tuple):
        return [_impersonal(item) for item in value]
    return value


def _without_people_in_line(logger: Any, name: str, line: Any) -> Any:
    return impersonal(line)


def _without_secrets(logger: Any, name: str, line: Any) -> Any:
    """The last look at a line, whoever wrote it and whatever exception stands in it."""
    return masked(line)
