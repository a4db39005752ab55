"""The state of every secret, without any value."""

import base64
import datetime as dt
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from common import database_clock
from grps_site.secret_rotation import fingerprints, overlap
from grps_site.secret_rotation.catalogue import SECRETS, Secret
from players.models import ErasureOrder
from players.privacy import marks
from roblox.models import CloudKey
from roblox.open_cloud.client import fingerprint
from webhooks.endpoints import sealed_values


@dataclass(frozen=True, slots=True)
class State:
    """One secret. `age`: since the present value was first configured. `count`: of its values."""

    name: str
    protects: str
    users: str
    count: int
    age: dt.timedelta | None
    overlap_since: dt.datetime | None
    last_use: dt.datetime | None
    detail: str
    unset: str

    def as_json(self) -> dict[str, Any]:
        age = None if self.age is None else self.age.total_seconds()
        times = {
            name: moment.isoformat() if moment else None
            for name, moment in (("overlap_since", self.overlap_since), ("last_use", self.last_use))
        }
        return asdict(self) | {"age": age} | times


def states() -> list[State]:
    """Return the state of every secret. The present values are remembered as seen."""
    fingerprints.note()
    return [_state(secret, database_clock.now()) for secret in SECRETS]


def _state(secret: Secret, now: dt.datetime) -> State:
    since, count = fingerprints.first_seen(secret), len(secret.values())
    detail = DETAILS.get(secret.name)
    return State(
        name=secret.name,
        protects=secret.protects,
        users=secret.users,
        count=count,
        age=now - since if since else None,
        overlap_since=since if count > 1 else None,
        last_use=overlap.last_use(secret) if count > 1 else None,
        detail=detail(secret) if detail and count else "",
        unset=secret.unset or f"closed: {secret.protects}",
    )


def _sealed(_: Secret) -> str:
    counts = sealed_values.count_by_key()
    parts = [
        f"key {number + 1} seals {counts[number]} values" for number in counts if number is not None
    ]
    parts += [f"no key opens {counts[None]} values"] if counts[None] else []
    return ", ".join(sorted(parts))


def _marks(secret: Secret) -> str:
    stored = ErasureOrder.objects.values_list("mark_key", flat=True)
    texts = [text.split() for text in stored]
    ids = [marks.key_id(base64.b64decode(value)) for value in secret.values()]
    parts = [
        f"key {number} made {sum(one in text for text in texts)} marks"
        for number, one in enumerate(ids, start=1)
    ]
    lost = marks.lost_key_ids()
    parts += [f"the keys {', '.join(sorted(lost))} of stored marks are missing"] if lost else []
    return ", ".join(parts)


def _open_cloud(secret: Secret) -> str:
    rows = CloudKey.objects.filter(fingerprint__in=map(fingerprint, secret.values()))
    expiring = rows.exclude(expires_at=None).order_by("expires_at")
    return ", ".join(f"{row.name} expires on {row.expires_at:%Y-%m-%d}" for row in expiring)


DETAILS: dict[str, Callable[[Secret], str]] = {
    "FIELD_ENCRYPTION_KEYS": _sealed,
    "ERASURE_MARK_KEYS": _marks,
    "ROBLOX_OPEN_CLOUD_API_KEY": _open_cloud,
}
