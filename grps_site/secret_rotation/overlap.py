"""When the overlap of a secret may end: who still uses its previous value."""

import base64
import datetime as dt
from collections.abc import Callable

from django.conf import settings
from django.db import connection

from audits.chain import key_succession
from common import database_clock
from grps_site.models import PreviousSecretUse
from grps_site.secret_rotation import fingerprints
from grps_site.secret_rotation.catalogue import Secret
from players.privacy import marks
from webhooks.endpoints import sealed_values

RECENT = dt.timedelta(hours=1)  # a use of a previous value within this time keeps it
SEALING = dt.timedelta(minutes=5)  # as RECENT, for the signing key, which seals every second
RECEIVERS = dt.timedelta(hours=24)  # that receivers of webhooks get to change
OTHER_LOGINS = """
    SELECT count(*) FROM pg_stat_activity a JOIN pg_roles r ON r.rolname = a.usename
    WHERE a.datname = current_database() AND r.rolname <> current_user AND NOT r.rolsuper
      AND (pg_has_role(current_user, r.oid, 'MEMBER') OR r.oid IN (
           SELECT other.member FROM pg_auth_members other JOIN pg_auth_members own USING (roleid)
           JOIN pg_roles me ON me.oid = own.member WHERE me.rolname = current_user))"""


def blocker(secret: Secret) -> str:
    """Say why the previous value is still needed, "" if it is not."""
    return BLOCKERS.get(secret.name, _recent_use)(secret)


def last_use(secret: Secret) -> dt.datetime | None:
    """Return when the previous value was last used."""
    uses = PreviousSecretUse.objects.filter(pk=secret.name)
    return uses.values_list("used_at", flat=True).first()


def _recent_use(secret: Secret) -> str:
    """Return the last use. That there was none says nothing right after the rotation."""
    used, since = _within(last_use(secret), RECENT), fingerprints.first_seen(secret)
    if used or since is None or database_clock.now() - since >= RECENT:
        return used
    return f"the rotation at {since:%H:%M:%S} UTC is less than an hour ago"


def _within(used_at: dt.datetime | None, limit: dt.timedelta) -> str:
    if used_at is None or database_clock.now() - used_at >= limit:
        return ""
    return f"the previous value was used at {used_at:%H:%M:%S} UTC"


def _open_for(secret: Secret, limit: dt.timedelta, why: str) -> str:
    since = fingerprints.first_seen(secret)
    if since is not None and database_clock.now() - since >= limit:
        return ""
    return f"{why} ({int(limit.total_seconds() // 3600)} hours after the rotation)"


def _sessions(secret: Secret) -> str:
    age = dt.timedelta(seconds=settings.SESSION_COOKIE_AGE)
    return _open_for(secret, age, "sessions that the previous value signed may still be open")


def _receivers(secret: Secret) -> str:
    return _open_for(secret, RECEIVERS, "GRPS cannot see whether all receivers have changed")


def _sealed(_: Secret) -> str:
    count = sealed_values.count_by_key()
    unreadable, earlier = count[None], count.total() - count[0] - count[None]
    if unreadable:
        return f"no key opens {unreadable} values: add the key that encrypted them"
    return (
        f"{earlier} values need an earlier key: run `manage.py webhooks reseal`" if earlier else ""
    )


def _seals(_: Secret) -> str:
    """Return why a former key may sign once more. Without events nothing is sealed for a long time."""
    own = key_succession.own_key()
    if key_succession.followed(own) and not key_succession.signs_newest_seal(own):
        return (
            "the newest seal is not of the present key: restart the workers, which seal the next"
            " event with it"
        )
    return _within(key_succession.last_use_of_former(), SEALING)


def _sessions_of_former_role(_: Secret) -> str:
    with connection.cursor() as cursor:
        cursor.execute(OTHER_LOGINS)
        (count,) = cursor.fetchone()
    return f"{count} connections still use the previous role" if count else ""


def _nothing(_: Secret) -> str:
    return ""


def needed_mark_keys(secret: Secret) -> list[str]:
    """Return the keys of marks that must stay: the newest, and every key that has marks."""
    used = marks.used_key_ids()
    first, *former = secret.values()
    return [first, *(one for one in former if marks.key_id(base64.b64decode(one)) in used)]


def _marks(secret: Secret) -> str:
    count = len(needed_mark_keys(secret)) - 1
    all_needed = count == len(secret.values()) - 1
    return f"marks of erased people need all {count} former keys" if all_needed else ""


BLOCKERS: dict[str, Callable[[Secret], str]] = {
    "DJANGO_SECRET_KEY": _sessions,
    "WEBHOOK_VERIFICATION_KEY": _receivers,
    "FIELD_ENCRYPTION_KEYS": _sealed,
    "ERASURE_MARK_KEYS": _marks,
    "AUDIT_SIGNING_KEY": _seals,
    "DATABASE_URL": _sessions_of_former_role,
    "REDIS_URL": _nothing,
    "CELERY_BROKER_URL": _nothing,
}
