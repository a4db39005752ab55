"""Ids that connect the work for one request in all processes: X-Request-ID and W3C Trace Context.

They are context variables of structlog, so every log line has them. Without a caller's traceparent
the trace id is derived from the request id. So each process that knows the request id, such as the
webhook worker from the audit event, gets the same trace id.
"""

import contextvars
import hashlib
import re
import secrets
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import structlog

VALID_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
# https://www.w3.org/TR/trace-context/: later versions may append fields; ff is invalid.
TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-.*")
_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")


class TracedThreads(ThreadPoolExecutor):
    """A pool whose jobs run with the ids of the step that submits them."""

    def submit[**P, T](self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        context = contextvars.copy_context()
        return super().submit(lambda: context.run(fn, *args, **kwargs))


def bind(request_id: str = "", traceparent: str = "") -> str:
    """Replace the context by that of a new step, and return its request id.

    Invalid ids are ignored. Without a request id the trace id is used, or a random one.
    """
    found = TRACEPARENT.fullmatch(traceparent)
    if not VALID_REQUEST_ID.fullmatch(request_id):
        request_id = found[1] if found else uuid.uuid4().hex
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(
        request_id=request_id,
        trace_id=found[1] if found else trace_id_of(request_id),
        span_id=secrets.token_hex(8),
    )
    return request_id


def trace_id_of(request_id: str) -> str:
    """Return the trace id of a request that came without one."""
    if _TRACE_ID.fullmatch(request_id):
        return request_id
    return hashlib.sha256(request_id.encode()).hexdigest()[:32]


def headers(request_id: str = "") -> dict[str, str]:
    """Return the headers that pass the ids on to another service or task.

    They are those of the present step, or with `request_id` those of an earlier request. Empty
    outside of any step.
    """
    bound = structlog.contextvars.get_contextvars()
    if not request_id:
        request_id = bound.get("request_id", "")
    if not request_id:
        return {}
    is_present = request_id == bound.get("request_id")
    trace = bound.get("trace_id") if is_present else None
    span = (bound.get("span_id") if is_present else None) or secrets.token_hex(8)
    return {
        "X-Request-ID": request_id,
        "traceparent": f"00-{trace or trace_id_of(request_id)}-{span}-01",
    }
