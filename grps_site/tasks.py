"""Periodic tasks of the site: heartbeats, and deletion of old data."""

import datetime as dt
from typing import Any

from allauth.usersessions.models import UserSession
from celery import shared_task, signals
from django.contrib.sessions.models import Session
from django.db.models.functions import Now

from audits import client_addresses
from common import database_clock
from console.accounts import audit_events
from grps_site import old_rows
from grps_site.models import Heartbeat, Nonce

NONCE_LIFETIME = dt.timedelta(minutes=15)  # three times the lifetime of a signature


@shared_task(name="grps_site.heartbeat")
def heartbeat() -> None:
    """Record that a worker runs. Beat's time is recorded when it publishes this task."""
    _record("worker")


@shared_task(name="grps_site.sync_heartbeat")
def sync_heartbeat() -> None:
    """Record that the sync worker runs."""
    _record("sync-worker")


@shared_task(name="grps_site.webhook_heartbeat")
def webhook_heartbeat() -> None:
    """Record that the webhook worker runs."""
    _record("webhook-worker")


@signals.before_task_publish.connect(sender=heartbeat.name)
def record_beat(**_: Any) -> None:
    _record("beat")


def _record(name: str) -> None:
    seen = {"seen_at": Now(), "clock_skew": database_clock.skew()}
    Heartbeat.objects.update_or_create(name=name, defaults=seen)


@shared_task(name="grps_site.tell_refused_sign_ins")
def tell_refused_sign_ins() -> int:
    return audit_events.tell_counted()


@shared_task(name="grps_site.forget_addresses")
def forget_addresses() -> int:
    """Delete old addresses and names of sign-ins. Returns the number of deleted values."""
    return client_addresses.forget_due(database_clock.now())


@shared_task(name="grps_site.purge_sessions")
def purge_sessions() -> int:
    """Delete expired sessions, their addresses, and sessions of abandoned sign-ins."""
    deleted, _ = Session.objects.filter(expire_date__lt=database_clock.now()).delete()
    UserSession.objects.exclude(session_key__in=Session.objects.values("session_key")).delete()
    return deleted


@shared_task(name="grps_site.purge_old_rows")
def purge_old_rows() -> int:
    """Delete finished jobs and the like after their retention. Returns the number of rows."""
    return old_rows.delete(database_clock.now())


@shared_task(name="grps_site.purge_nonces")
def purge_nonces() -> int:
    deleted, _ = Nonce.objects.filter(seen_at__lt=database_clock.now() - NONCE_LIFETIME).delete()
    return deleted
