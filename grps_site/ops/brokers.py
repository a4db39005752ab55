"""Celery's transport options for each kind of broker."""

from typing import Any

from common import environment

# Seconds until the task of a lost worker is delivered again. Longer than any task runs.
VISIBILITY_TIMEOUT = 1200


def transport_options(url: str) -> dict[str, Any]:
    """Return the transport options for the broker at `url`. SQS needs SQS_REGION.

    `max_retries` is for publishing only: a request must not wait for an unavailable broker. Workers
    and beat reconnect by themselves.
    """
    if url.startswith("sqs:"):
        return {
            "region": environment.required("SQS_REGION", "the AWS region of the queues"),
            "queue_name_prefix": environment.env.str("SQS_QUEUE_PREFIX", default="grps-"),
            "visibility_timeout": VISIBILITY_TIMEOUT,
            "polling_interval": 1,
            "wait_time_seconds": 10,
        }
    if url.startswith("redis"):
        return {
            "visibility_timeout": VISIBILITY_TIMEOUT,
            "socket_connect_timeout": 2,
            "max_retries": 0,
        }
    return {"max_retries": 0}
