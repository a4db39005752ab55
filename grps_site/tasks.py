import datetime as dt

from celery import shared_task
from django.utils import timezone

from grps_site.models import Heartbeat, Nonce

NONCE_LIFE = dt.timedelta(minutes=15)  # three times as long as a signature lives


@shared_task(name="grps_site.heartbeat")
def heartbeat() -> None:
    """Sent by beat and run by a worker: seen, both are alive."""
    now = timezone.now()
    for name in ("worker", "beat"):
        Heartbeat.objects.update_or_create(name=name, defaults={"seen_at": now})


@shared_task(name="grps_site.purge_nonces")
def purge_nonces() -> int:
    deleted, _ = Nonce.objects.filter(seen_at__lt=timezone.now() - NONCE_LIFE).delete()
    return deleted
