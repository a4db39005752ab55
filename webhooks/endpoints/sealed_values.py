"""Every value that FIELD_ENCRYPTION_KEYS encrypt: of endpoints, and of requests that wait."""

from collections import Counter
from collections.abc import Iterator

from django.db import transaction
from django.db.models import QuerySet

from common import encryption
from players.models import Approval
from players.moderation.approvals import SEALED
from webhooks.models import WebhookEndpoint

COLUMNS = ("address_sealed", "secret_sealed", "previous_secret_sealed", "headers_sealed")


def count_by_key() -> Counter[int | None]:
    """Return the number of values by the place of their key in the list, None if no key fits."""
    return Counter(encryption.key_number(token) for token in _tokens())


def reseal_all() -> int:
    """Encrypt every value again with the first key, and return their number. Raises NoKey."""
    with transaction.atomic():
        return _reseal_endpoints() + _reseal_requests()


def _tokens() -> Iterator[str]:
    for row in WebhookEndpoint.objects.values_list(*COLUMNS):
        yield from filter(None, row)
    for arguments in _requests().values_list("arguments", flat=True):
        yield arguments[SEALED]


def _requests() -> QuerySet[Approval]:
    return Approval.objects.filter(arguments__has_key=SEALED)


def _reseal_endpoints() -> int:
    done = 0
    for endpoint in WebhookEndpoint.objects.select_for_update(no_key=True).order_by("pk"):
        sealed = {name: getattr(endpoint, name) for name in COLUMNS if getattr(endpoint, name)}
        fresh = {name: encryption.reseal(token) for name, token in sealed.items()}
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(**fresh)
        done += len(fresh)
    return done


def _reseal_requests() -> int:
    waiting = list(_requests().select_for_update(no_key=True).order_by("pk"))
    for one in waiting:
        fresh = one.arguments | {SEALED: encryption.reseal(one.arguments[SEALED])}
        Approval.objects.filter(pk=one.pk).update(arguments=fresh)
    return len(waiting)
