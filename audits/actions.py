"""The vocabulary of the audit log. What is not in it cannot be recorded."""

import enum


class Action(enum.StrEnum):
    """Dotted: what it is about, and what happened to it."""

    POINTS_INGESTED = "points.ingested"
    POINTS_MISMATCH = "points.mismatch"
    POINTS_ADJUSTED = "points.adjusted"
    PLAYER_ERASED = "player.erased"
    RANK_PROMOTED = "rank.promoted"
    RANK_DEMOTED = "rank.demoted"
    RANK_SET = "rank.set"
    DECISION_PROPOSED = "decision.proposed"
    DECISION_REJECTED = "decision.rejected"
    DECISION_WITHDRAWN = "decision.withdrawn"
    POLICY_ACTIVATED = "policy.activated"
    EXPERIENCE_CREATED = "experience.created"
    EXPERIENCE_CHANGED = "experience.changed"
    KEY_CREATED = "key.created"
    KEY_ROTATED = "key.rotated"
    KEY_REVOKED = "key.revoked"
    POINTS_RECONCILED = "points.reconciled"
    ADJUSTMENT_PREVIEWED = "adjustment.previewed"
    ADJUSTMENT_APPROVED = "adjustment.approved"
    ADJUSTMENT_REJECTED = "adjustment.rejected"
    ADJUSTMENT_APPLIED = "adjustment.applied"
    PLAYER_BANNED = "player.banned"
    PLAYER_UNBANNED = "player.unbanned"
    MEMBER_JOINED = "member.joined"
    MEMBER_LEFT = "member.left"
    SYNC_REQUESTED = "sync.requested"
    SYNC_FINISHED = "sync.finished"
    DRIFT_FOUND = "drift.found"
    DRIFT_RESOLVED = "drift.resolved"
    MIRROR_CONFIRMED = "mirror.confirmed"
    MIRROR_PARKED = "mirror.parked"
    ERASURE_ORDERED = "erasure.ordered"
    ERASURE_CONFIRMED = "erasure.confirmed"
    ERASURE_COMPLETED = "erasure.completed"
    ACCESS_GRANTED = "access.granted"
    ENDPOINT_CREATED = "endpoint.created"
    ENDPOINT_CHANGED = "endpoint.changed"
    ENDPOINT_DELETED = "endpoint.deleted"
    ENDPOINT_ENABLED = "endpoint.enabled"
    ENDPOINT_DISABLED = "endpoint.disabled"
    SECRET_ROTATED = "secret.rotated"  # noqa: S105 - an action's name
    DELIVERY_RESENT = "delivery.resent"
    DELIVERY_FAILING = "delivery.failing"
    DELIVERY_RECOVERED = "delivery.recovered"
    DELIVERY_EXHAUSTED = "delivery.exhausted"


class UnknownAction(ValueError):
    """The action is not one of the registry; the text names the one that was asked for."""


def known(action: str) -> Action:
    """The registered action. Raises UnknownAction."""
    try:
        return Action(action)
    except ValueError:
        raise UnknownAction(f"{action!r} is not an action of audits.actions; add it there first.") from None
