"""A task that tells its session of the database. The worker of a test includes this module."""

import redis
from celery import shared_task
from django.conf import settings
from django.db import connection

NAME = "tests.session"


@shared_task(name=NAME)
def tell_session(key: str) -> None:
    """Append the process id of this task's session to a list in Valkey."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (session,) = cursor.fetchone()
    with redis.Redis.from_url(settings.REDIS_URL) as valkey:
        valkey.rpush(key, session)
