"""Check what the Open Cloud keys allow, and list what to fix in Creator Hub."""

import datetime as dt
from dataclasses import dataclass, field

from django.conf import settings

from common import database_clock
from roblox import cloud
from roblox.models import CloudKey
from roblox.open_cloud import api_keys
from roblox.open_cloud.api_keys import KeyState
from roblox.open_cloud.client import fingerprint
from roblox.open_cloud.errors import OpenCloudError, RetryDecision
from roblox.open_cloud.operations import OPERATIONS

SOON = dt.timedelta(days=14)
UNUSED = dt.timedelta(days=60)  # after which Roblox ends an unused key
WHERE = "Creator Hub, All tools, API keys"
WRITING = ("create", "update", "write", "delete", "publish", "dequeue", "discard")


@dataclass(slots=True)
class Diagnosis:
    """One key: the experiences it serves, its state at Roblox, and what to fix."""

    fingerprint: str
    experiences: list[str]
    name: str = ""
    owner_user_id: int | None = None
    expires_at: dt.datetime | None = None
    last_used_at: dt.datetime | None = None
    problems: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def check_all() -> list[Diagnosis]:
    """Ask Roblox about every configured key, and store and return the diagnoses."""
    found = [_check(api_key, serves) for api_key, serves in cloud.api_keys().items()]
    CloudKey.objects.exclude(fingerprint__in=[one.fingerprint for one in found]).delete()
    return found


def needed_scopes() -> list[str]:
    """Return the scopes that GRPS uses, without the writing ones while writes are off."""
    scopes = {
        scope for operation in OPERATIONS if not operation.optional for scope in operation.scopes
    }
    if not settings.ROBLOX_WRITES:
        scopes = {scope for scope in scopes if scope.rpartition(":")[2] not in WRITING}
    return sorted(scopes)


def _check(api_key: str, serves: list[tuple[str, int | None]]) -> Diagnosis:
    found = Diagnosis(fingerprint(api_key), [name for name, _ in serves])
    row = CloudKey.objects.filter(fingerprint=found.fingerprint).first()
    found.last_used_at = row.last_used_at if row else None
    try:
        state = api_keys.introspect(cloud.client([api_key]))
    except OpenCloudError as error:
        if error.decision is not RetryDecision.GIVE_UP:
            raise
        found.problems.append(
            f"Roblox does not know this key: make a new one ({WHERE}) and set it."
        )
        _write(found, KeyState(enabled=False))
        return found
    found.name, found.owner_user_id = state.name, state.authorized_user_id
    found.expires_at = (
        dt.datetime.fromisoformat(state.expiration_time_utc) if state.expiration_time_utc else None
    )
    found.problems += _state_problems(state, found, database_clock.now())
    found.missing = _missing(state, [universe for _, universe in serves])
    found.problems += [
        f"Add {scope} to the key ({WHERE}, Access permissions)." for scope in found.missing
    ]
    _write(found, state)
    return found


def _state_problems(state: KeyState, found: Diagnosis, now: dt.datetime) -> list[str]:
    problems = []
    if not state.enabled:
        problems.append(f"The key is switched off: enable it ({WHERE}).")
    if state.expired or (found.expires_at is not None and found.expires_at <= now):
        problems.append(f"The key has expired: set a new expiration or regenerate it ({WHERE}).")
    elif found.expires_at is not None and found.expires_at - now < SOON:
        problems.append(f"The key expires on {found.expires_at:%Y-%m-%d}: extend it ({WHERE}).")
    if found.last_used_at is not None and now - found.last_used_at > UNUSED - SOON:
        days = (now - found.last_used_at).days
        problems.append(
            f"The key was not used for {days} days; Roblox ends it after 60. Run"
            " `manage.py sync points`."
        )
    return problems


def _missing(state: KeyState, universes: list[int | None]) -> list[str]:
    return sorted({lack for scope in needed_scopes() for lack in _lacks(state, scope, universes)})


def _lacks(state: KeyState, scope: str, universes: list[int | None]) -> list[str]:
    granted = [one for one in state.scopes if {scope, "*"} & one.names()]
    asked = universes if not scope.startswith("group") else [None]
    lacking = [universe for universe in asked if not any(one.covers(universe) for one in granted)]
    return [f"{scope} for universe {universe}" if universe else scope for universe in lacking]


def _write(found: Diagnosis, state: KeyState) -> None:
    CloudKey.objects.update_or_create(
        fingerprint=found.fingerprint,
        defaults={
            "name": found.name[:100],
            "owner_user_id": found.owner_user_id,
            "enabled": state.enabled,
            "expired": state.expired,
            "expires_at": found.expires_at,
            "missing_scopes": found.missing,
            "problem": " ".join(found.problems),
            "checked_at": database_clock.now(),
        },
    )
