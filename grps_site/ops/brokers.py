"""What Celery must know of a broker beyond its address."""

from typing import Any

from common import environment

# seconds after which a lost worker's message is given out again: longer than any task runs
VISIBLE_AGAIN = 1200


def transport_options(url: str) -> dict[str, Any]:
    """Transport options for the broker at `url`; SQS_REGION must be set for SQS.

    `max_retries` is for whoever publishes: a request does not wait for a broker that is away.
    Workers and beat connect again by rules of their own.
    """
    if url.startswith("sqs:"):
        return {
            "region": environment.required("SQS_REGION", "the AWS region of the queues"),
            "queue_name_prefix": environment.env.str("SQS_QUEUE_PREFIX", default="grps-"),
            "visibility_timeout": VISIBLE_AGAIN,
            "polling_interval": 1,
            "wait_time_seconds": 10,
        }
    if url.startswith("redis"):
        return {"visibility_timeout": VISIBLE_AGAIN, "socket_connect_timeout": 2, "max_retries": 0}
    return {"max_retries": 0}
