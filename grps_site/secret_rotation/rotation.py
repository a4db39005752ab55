"""Rotate a secret with an overlap, and end the overlap. Both are audited, without any value."""

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from django.conf import settings
from django.db import transaction

from audits.actions import Action
from audits.chain import key_rotation, key_succession
from audits.record import Actor, Target, record
from common import environment
from common.errors import Refused
from grps_site.ops import database_roles
from grps_site.secret_rotation import (
    database_login,
    fingerprints,
    overlap,
    storage,
    valkey_login,
)
from grps_site.secret_rotation.catalogue import BY_NAME, Secret
from players.privacy import marks


@dataclass(slots=True)
class Change:
    """New values by variable, in the order of writing, and what a person does afterwards."""

    values: dict[str, str]
    steps: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Lines for the environment (values may be in them), and what a person does afterwards."""

    lines: list[str]
    steps: list[str]


def rotate(name: str, given: str, *, actor: Actor) -> Outcome:
    """Make a new value, or take `given`, and keep the present one beside it. Raises Refused."""
    secret = _known(name)
    change = BEGINNINGS.get(name, _overlap)(secret, given)
    with storage.storing(change.values, name) as lines, transaction.atomic():
        if name == "AUDIT_SIGNING_KEY":
            key_rotation.rotate(change.values[name], actor=actor)
        else:
            _record(Action.SYSTEM_SECRET_ROTATED, name, actor)
        fingerprints.note([(name, _newest(secret, change.values[name]))])
    return Outcome(lines, [*change.steps, f"Restart {secret.restart}.", *_for_users(secret)])


def finish(name: str, *, actor: Actor, force: bool) -> Outcome:
    """Remove the previous value. Raises Refused while it is used, unless `force`."""
    secret = _known(name)
    why = overlap.blocker(secret)
    if why and (not force or name == "ERASURE_MARK_KEYS"):
        raise Refused(f"The previous {name} is still needed: {why}.")
    change = ENDINGS.get(name, _close)(secret)
    with storage.storing(change.values, name) as lines, transaction.atomic():
        if name == "AUDIT_SIGNING_KEY":
            key_rotation.retire(actor=actor)
        else:
            _record(Action.SYSTEM_SECRET_FINISHED, name, actor)
    restart = [f"Restart {secret.restart}."] if change.values else []
    return Outcome(lines, [*change.steps, *restart])


def _known(name: str) -> Secret:
    if name not in BY_NAME:
        raise Refused(f"{name} is not a secret of GRPS. Known are {', '.join(BY_NAME)}.")
    return BY_NAME[name]


def _record(action: Action, name: str, actor: Actor) -> None:
    record(action, actor=actor, target=Target("secret", name, ""), details={"secret": name})


def _newest(secret: Secret, value: str) -> str:
    return value.split(",")[0] if secret.is_list else value


def _for_users(secret: Secret) -> list[str]:
    """Return what is left to do. Who made the value has it, and not every one has an overlap."""
    is_told = secret.make is not None and secret.users != "nobody else"
    steps = [f"Then give the new value to {secret.users}."] if is_told else []
    finish = f"Then run `manage.py secrets finish {secret.name}`."
    return [*steps, finish] if secret.overlaps else steps


def _new(secret: Secret, given: str) -> str:
    if given:
        return given
    if secret.make is None:
        raise Refused(f"{secret.name} is made elsewhere ({secret.users}): give it with --stdin.")
    return secret.make()


def _overlap(secret: Secret, given: str) -> Change:
    """Put a new value in front, and the present one into the slot for previous values."""
    new, values = _new(secret, given), secret.values()
    if secret.is_list:
        return Change({secret.name: ",".join([new, *values])})
    if secret.previous.endswith("_PREVIOUS") and len(values) > 1:
        raise Refused(
            f"{secret.previous} is set: run `manage.py secrets finish {secret.name}` first."
        )
    kept = {secret.previous: ",".join(values)} if secret.previous and values else {}
    return Change(kept | {secret.name: new})


def _django(secret: Secret, given: str) -> Change:
    _check_marks_are_apart()
    return _overlap(secret, given)


def _check_marks_are_apart() -> None:
    """Raise Refused while marks of erased people would be lost with DJANGO_SECRET_KEY."""
    if not settings.ERASURE_MARK_KEYS or marks.unwritten_keys():
        raise Refused(
            "Marks of erased people depend on DJANGO_SECRET_KEY: run `manage.py secrets rotate"
            " ERASURE_MARK_KEYS` first."
        )


def _erasure_marks(secret: Secret, given: str) -> Change:
    """Write down the keys that DJANGO_SECRET_KEY stood for, so that no mark is lost.

    The first time, they are the only ones.
    """
    if not secret.values():
        return Change({secret.name: _listed(marks.derived_keys())})
    change, unwritten = _overlap(secret, given), marks.unwritten_keys()
    if unwritten:
        change.values[secret.name] += f",{_listed(unwritten)}"
    return change


def _listed(keys: Iterable[bytes]) -> str:
    return ",".join(base64.b64encode(key).decode() for key in keys)


def _sealing(secret: Secret, given: str) -> Change:
    change = _overlap(secret, given)
    change.steps.append("After the restart, run `manage.py webhooks reseal`.")
    return change


def _signing(secret: Secret, given: str) -> Change:
    return Change({secret.name: _new(secret, given)})


def _database(secret: Secret, given: str) -> Change:
    """Also give the new login to the other addresses of the database that have the present one."""
    before = environment.database_url(secret.name)
    url, steps = given, []
    if not given:
        url, sql = database_login.begin(before)
        steps = ["As an administrator of PostgreSQL, run first:", *sql]
    others = {
        name: database_login.with_login_of(other, url)
        for name, other in _other_addresses().items()
        if database_login.same_login(other, before)
    }
    return Change(others | {secret.name: url}, steps)


def _other_addresses() -> dict[str, str]:
    found = {name: environment.database_url(name) for name in OTHER_ADDRESSES}
    return {name: url for name, url in found.items() if url}


def _valkey(secret: Secret, given: str) -> Change:
    """Also give the new password to the other addresses that have the present one."""
    if given:
        return Change({secret.name: given})
    before = environment.raw(secret.name)
    if not before.startswith("redis"):
        raise Refused(
            f"{secret.name} is not an address of Redis: make a second user there, and use --stdin."
        )
    url, steps = valkey_login.begin(before)
    others = {
        name: valkey_login.with_password_of(other, url)
        for name, other in _valkey_addresses().items()
        if valkey_login.same_login(other, before)
    }
    return Change(others | {secret.name: url}, steps)


def _valkey_addresses() -> dict[str, str]:
    found = {name: environment.raw(name) for name in VALKEY_ADDRESSES}
    return {name: url for name, url in found.items() if url}


def _close(secret: Secret) -> Change:
    """Keep the newest value only."""
    newest, *former = secret.values() or [""]
    if not former:
        raise Refused(f"{secret.name} has no previous value.")
    return Change({secret.name: newest} if secret.is_list else {secret.previous: ""})


def _close_django(secret: Secret) -> Change:
    _check_marks_are_apart()
    return _close(secret)


def _close_marks(secret: Secret) -> Change:
    return Change({secret.name: ",".join(overlap.needed_mark_keys(secret))})


def _close_signing(_: Secret) -> Change:
    if not key_succession.followed(key_succession.own_key()):
        raise Refused("AUDIT_SIGNING_KEY has no previous value.")
    return Change({})


def _close_database(_: Secret) -> Change:
    closed = set(database_login.former())
    for name, url in _other_addresses().items():
        if database_roles.role_of(url) in closed:
            raise Refused(
                f"{name} has the previous login: give it the login of DATABASE_URL first."
            )
    sql = database_login.end()
    return Change({}, ["As an administrator of PostgreSQL, run:", *sql] if sql else [])


def _close_valkey(secret: Secret) -> Change:
    own = environment.raw(secret.name)
    if not own.startswith("redis"):
        return Change({})
    for name, url in _valkey_addresses().items():
        if valkey_login.same_user(url, own) and not valkey_login.same_login(url, own):
            raise Refused(
                f"{name} has another password of this user: give it the login of {secret.name}."
            )
    return Change({}, valkey_login.end(own))


BROKER = "CELERY_BROKER_URL"
VALKEY_ADDRESSES = ("REDIS_URL", BROKER, "AUDIT_STREAM_URL")
OTHER_ADDRESSES = ("DATABASE_DIRECT_URL", "DATABASE_REPLICA_URL")
BEGINNINGS: dict[str, Callable[[Secret, str], Change]] = {
    "DJANGO_SECRET_KEY": _django,
    "ERASURE_MARK_KEYS": _erasure_marks,
    "FIELD_ENCRYPTION_KEYS": _sealing,
    "AUDIT_SIGNING_KEY": _signing,
    "DATABASE_URL": _database,
    "REDIS_URL": _valkey,
    BROKER: _valkey,
}
ENDINGS: dict[str, Callable[[Secret], Change]] = {
    "DJANGO_SECRET_KEY": _close_django,
    "ERASURE_MARK_KEYS": _close_marks,
    "AUDIT_SIGNING_KEY": _close_signing,
    "DATABASE_URL": _close_database,
    "REDIS_URL": _close_valkey,
    BROKER: _close_valkey,
}
