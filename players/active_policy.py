"""The active policy: one validated bundle in the database, and its ranks as rows."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from audits.actions import Action
from audits.record import Actor, Target, record
from common import advisory_lock, database_clock
from common.amounts import points
from players.models import Player, PolicyActivation, PolicyVersion, Rank
from players.policy.bundle import Bundle, RankRule, load_bundle, parse_bundle
from players.policy.public_changes import public_changes
from players.policy.public_document import public_document
from players.policy.slugs import free_slug

ACTIVATION_LOCK = 4_710_001  # advisory lock: one activation at a time


class NoPolicy(Exception):
    """No policy is active: `manage.py bootstrap` has not run on this database."""


class RankInUse(Exception):
    """A policy lacks a rank that players hold."""


@dataclass(frozen=True)
class ActivePolicy:
    """The bundle in force, with the database ids of its ranks, and their slugs by name."""

    id: int
    number: int
    bundle: Bundle
    rank_ids: dict[str, int]
    ranks: dict[int, RankRule]
    slugs: dict[str, str]


def active() -> ActivePolicy:
    """Return the policy in force. It is read from the database each time; parsing is cached.

    Raises NoPolicy on a database that was never bootstrapped.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, content_hash FROM policy_versions WHERE is_active")
        row = cursor.fetchone()
    if row is None:
        raise NoPolicy("No policy is active. Run `manage.py bootstrap`.")
    return _loaded(*row, connection.settings_dict["NAME"])


@lru_cache(maxsize=4)
def _loaded(policy_id: int, content_hash: str, database: str) -> ActivePolicy:
    version = PolicyVersion.objects.get(pk=policy_id)
    bundle = parse_bundle(version.documents)
    rows = Rank.objects.filter(retired=False, name__in=bundle.by_name)
    rank_ids = {rank.name: rank.pk for rank in rows}
    ranks = {rank_id: bundle.by_name[name] for name, rank_id in rank_ids.items()}
    slugs = {rank.name: rank.slug for rank in rows}
    return ActivePolicy(version.pk, version.number, bundle, rank_ids, ranks, slugs)


def ensure_active(folder: Path) -> bool:
    """Activate the bundle in `folder` if no policy is active. Return whether it was.

    Raises PolicyError if the files are not a valid bundle.
    """
    with transaction.atomic():
        advisory_lock.lock(ACTIVATION_LOCK)
        if PolicyVersion.objects.filter(is_active=True).exists():
            return False
        activate(
            load_bundle(folder),
            actor=Actor("system", "bootstrap", "bootstrap"),
            reason="first start",
        )
    return True


def activate(
    bundle: Bundle, *, actor: Actor, reason: str, event_id: int | None = None
) -> PolicyVersion:
    """Put `bundle` in force: store or reuse its version, write its ranks and one audit event.

    `event_id`: an id reserved for the event. Raises RankInUse if players hold a rank that the
    bundle lacks: they must be moved first.
    """
    with transaction.atomic():
        advisory_lock.lock(ACTIVATION_LOCK)
        before = PolicyVersion.objects.filter(is_active=True).first()
        PolicyVersion.objects.filter(is_active=True).update(is_active=False)
        version, _ = kept(bundle)
        version.is_active, version.activated_at = True, database_clock.now()
        version.save(update_fields=["is_active", "activated_at"])
        _write_ranks(bundle)
        _write_activation(version, bundle, before)
        record(
            Action.POLICY_ACTIVATED,
            actor=actor,
            target=Target("policy", str(version.number), ""),
            reason=reason,
            before={"version": before.content_hash} if before else None,
            after={"version": version.content_hash, "number": version.number},
            policy_version=version.content_hash,
            event_id=event_id,
        )
        transaction.on_commit(_loaded.cache_clear)
        return version


def kept(bundle: Bundle) -> tuple[PolicyVersion, bool]:
    """Return the version with exactly these documents, and whether it is new.

    Needs a transaction.
    """
    advisory_lock.lock(ACTIVATION_LOCK)
    last = PolicyVersion.objects.order_by("-number").values_list("number", flat=True).first() or 0
    return PolicyVersion.objects.get_or_create(
        content_hash=bundle.version,
        defaults={"number": last + 1, "documents": json.loads(json.dumps(bundle.documents))},
    )


def held_outside(bundle: Bundle) -> list[str]:
    """Return the names of the ranks that players hold and `bundle` lacks."""
    gone = Rank.objects.filter(retired=False).exclude(name__in=bundle.by_name).order_by("position")
    return [rank.name for rank in gone if Player.objects.filter(rank=rank).exists()]


def _write_activation(version: PolicyVersion, bundle: Bundle, before: PolicyVersion | None) -> None:
    old = parse_bundle(before.documents) if before else bundle
    PolicyActivation.objects.create(
        number=version.number,
        version=version.content_hash,
        activated_at=version.activated_at or database_clock.now(),
        document=public_document(bundle),
        changes=public_changes(old, bundle),
    )


def _write_ranks(bundle: Bundle) -> None:
    if held := held_outside(bundle):
        raise RankInUse(
            f"Players hold {', '.join(held)}, which the new policy leaves out. Move them first."
        )
    Rank.objects.filter(retired=False).exclude(name__in=bundle.by_name).update(retired=True)
    rows = {rank.name: _row(rank) for rank in bundle.ranks}
    slugs = _slugs(bundle)
    Rank.objects.bulk_create(
        [Rank(name=name, slug=slugs[name], **row) for name, row in rows.items()],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=list(next(iter(rows.values()))),
    )


def _slugs(bundle: Bundle) -> dict[str, str]:
    """Return the slug of each rank, by name: the one that it has, or a free one."""
    slugs = dict(Rank.objects.values_list("name", "slug"))
    for rank in bundle.ranks:
        if rank.name not in slugs:
            slugs[rank.name] = free_slug(rank.name, set(slugs.values()))
    return slugs


def _row(rank: RankRule) -> dict[str, Any]:
    return {
        "position": rank.position,
        "level": rank.level,
        "role": rank.role,
        "min_points": points(rank.min_points),
        "min_time_days": rank.min_time_days,
        "required_recommendations": rank.required_recommendations,
        "privileged": rank.privileged,
        "is_punishment": rank.is_punishment,
        "ignored": rank.ignored,
        "can_earn": rank.can_earn,
        "retired": False,
        "description": rank.description,
        "colour": rank.colour,
    }
