"""Fields of a log line: the contract that collectors rely on (deploy/observe/log.schema.json).

Fields that the caller gives stand in `data`, so that none is taken for a reserved attribute of a
collector, such as `status`, `host`, `service` or `source` of Datadog.
"""

import sys
import traceback
from typing import Any

from grps_site.http.secret_paths import MASK, mask_people

FIRST_ROBLOX_ID = 10**9  # larger numbers are treated as ids of Roblox
IDS = ("request_id", "trace_id", "span_id", "task")
UNMASKED = frozenset({"timestamp", "level", "logger", "trace_id", "span_id"})  # never personal


class Contract:
    """A structlog processor that puts an event into the form of the contract."""

    def __init__(self, service: str, version: str, environment: str) -> None:
        self._process = {"service": service, "version": version, "env": environment}

    def __call__(self, logger: Any, name: str, event: Any) -> dict[str, Any]:
        line = {
            "timestamp": event.pop("timestamp"),
            "level": event.pop("level"),
            "message": str(event.pop("event")),
            "logger": event.pop("logger"),
            **self._process,
        }
        line |= {key: event.pop(key) for key in IDS if key in event}
        if "http" in event:
            line["http"] = event.pop("http")
        error = _error(event.pop("exc_info", None))
        if error:
            line["error"] = error
        if event:
            line["data"] = event
        return line


def without_people(logger: Any, name: str, line: Any) -> Any:
    """Remove personal data from the values before rendering, so that the line stays valid JSON."""
    return {key: value if key in UNMASKED else _masked(value) for key, value in line.items()}


def _error(exc_info: Any) -> dict[str, str] | None:
    if exc_info is True:
        exc_info = sys.exc_info()
    if isinstance(exc_info, BaseException):
        exc_info = (type(exc_info), exc_info, exc_info.__traceback__)
    if not exc_info or exc_info[0] is None:
        return None
    kind, error, _ = exc_info
    stack = "".join(traceback.format_exception(*exc_info)).rstrip()
    return {
        "kind": f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins."),
        "message": str(error),
        "stack": stack,
    }


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return mask_people(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return MASK if abs(value) >= FIRST_ROBLOX_ID else value
    if isinstance(value, dict):
        return {key: _masked(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(item) for item in value]
    return value
