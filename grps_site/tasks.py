"""The site's own periodic tasks. beat and worker each write down that they live: health tells them
apart.
"""

import datetime as dt
from typing import Any

from allauth.usersessions.models import UserSession
from celery import shared_task, signals
from django.contrib.sessions.models import Session
from django.utils import timezone

from audits import client_addresses
from console.accounts import audit_events
from grps_site.models import Heartbeat, Nonce

NONCE_LIFE = dt.timedelta(minutes=15)  # three times as long as a signature lives


@shared_task(name="grps_site.heartbeat")
def heartbeat() -> None:
    """Sent by beat, which is seen when it sends; run by a worker, which is seen now."""
    _seen("worker")


@shared_task(name="grps_site.sync_heartbeat")
def sync_heartbeat() -> None:
    """The same for the worker that waits for Roblox."""
    _seen("sync-worker")


@shared_task(name="grps_site.webhook_heartbeat")
def webhook_heartbeat() -> None:
    """The same for the worker that waits for receivers."""
    _seen("webhook-worker")


@signals.before_task_publish.connect(sender=heartbeat.name)
def beat_sends(**_: Any) -> None:
    _seen("beat")


def _seen(name: str) -> None:
    Heartbeat.objects.update_or_create(name=name, defaults={"seen_at": timezone.now()})


@shared_task(name="grps_site.tell_refused_sign_ins")
def tell_refused_sign_ins() -> int:
    return audit_events.tell_counted()


@shared_task(name="grps_site.forget_addresses")
def forget_addresses() -> int:
    """Forget the addresses and names of sign-ins by their age; how many personal values."""
    return client_addresses.forget_due(timezone.now())


@shared_task(name="grps_site.purge_sessions")
def purge_sessions() -> int:
    """Sessions that are over, with their addresses, and those that began with a try to sign in that
    led nowhere.
    """
    deleted, _ = Session.objects.filter(expire_date__lt=timezone.now()).delete()
    UserSession.objects.exclude(session_key__in=Session.objects.values("session_key")).delete()
    return deleted


@shared_task(name="grps_site.purge_nonces")
def purge_nonces() -> int:
    deleted, _ = Nonce.objects.filter(seen_at__lt=timezone.now() - NONCE_LIFE).delete()
    return deleted
