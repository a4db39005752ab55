"""Queue items of operations: failing endpoints, expiring keys, mismatches, reviews, the guard."""

import datetime as dt
from typing import Any

from django.db.models import Q, Subquery, Value
from django.db.models.functions import Coalesce

from audits import queries
from audits.actions import Action
from audits.models import AuditEvent
from console import navigation
from console.models import SeenUpTo
from console.queue.base import Item, WorkKind
from players.models import GuardTrip
from players.moderation.actors import Staff
from players.policy_changes import reviews
from roblox.models import CloudKey, ExperienceKey
from webhooks.messages import payloads
from webhooks.models import WebhookEndpoint

SOON = dt.timedelta(days=14)
REVIEW_AHEAD = dt.timedelta(days=7)


class Endpoints(WorkKind):
    name, title, right = "deliveries", "Deliveries", "webhooks.view_webhookendpoint"

    def waiting(self, by: Staff, now: dt.datetime) -> list[Any]:
        return [_troubled()]

    def items(self, by: Staff, now: dt.datetime, after: int, limit: int) -> list[Item]:
        return [_endpoint(row) for row in _troubled().filter(pk__gt=after).order_by("pk")[:limit]]


class Keys(WorkKind):
    name, title, right = "keys", "Keys", "roblox.view_experiencekey"

    def waiting(self, by: Staff, now: dt.datetime) -> list[Any]:
        return [_ending(now), _sick()]

    def items(self, by: Staff, now: dt.datetime, after: int, limit: int) -> list[Item]:
        address = navigation.to("console:experiences")
        ending = [
            Item(
                kind=self.name,
                key=str(key.pk),
                title=f"A key of {key.experience.name} ends",
                sentence=f"{key} ends on {key.expires_at:%Y-%m-%d %H:%M} UTC; its game servers are refused then.",
                since=key.created_at,
                link=address,
                tone="warning",
            )
            for key in _ending(now)
            .filter(pk__gt=after)
            .select_related("experience")
            .order_by("pk")[:limit]
        ]
        sick = [
            Item(
                kind=self.name,
                key="0",
                title=f"The Open Cloud key {key.name or key.fingerprint}",
                sentence=key.problem,
                since=key.checked_at or now,
                link=address,
                tone="critical",
            )
            for key in ([] if after else _sick()[:limit])
        ]
        return [*sick, *ending][:limit]


class Mismatches(WorkKind):
    """Reports of games that contradict the policy, until a person marks them as seen."""

    name, title, right = "mismatches", "Mismatches", "audits.view_auditevent"
    action = Action.POINTS_MISMATCH

    def waiting(self, by: Staff, now: dt.datetime) -> list[Any]:
        return [_unseen(self.name, self.action)]

    def items(self, by: Staff, now: dt.datetime, after: int, limit: int) -> list[Item]:
        unseen = _unseen(self.name, self.action).filter(pk__gt=after).order_by("pk")
        ids = list(unseen.values_list("pk", flat=True)[:limit])
        found = queries.events_by_id(ids) if ids else {}
        told = payloads.for_events(found.values())
        return [
            Item(
                kind=self.name,
                key=str(pk),
                title=told[pk].message,
                sentence=f"Reported by {found[pk].experience}; it changes no points.",
                since=found[pk].at,
                link=navigation.event(pk),
                tone="warning",
                acts=(
                    (
                        "Mark all up to here as seen",
                        navigation.to("console:queue-seen", self.name, pk),
                    ),
                ),
            )
            for pk in ids
        ]


class Denials(WorkKind):
    """Actions sent by a game server that the named officers deny.

    They stay until an owner marks them as seen.
    """

    name, title, right = "denials", "Denied", "console.roles"
    action = Action.CLAIM_DENIED

    def waiting(self, by: Staff, now: dt.datetime) -> list[Any]:
        return [_unseen(self.name, self.action)]

    def items(self, by: Staff, now: dt.datetime, after: int, limit: int) -> list[Item]:
        unseen = _unseen(self.name, self.action).filter(pk__gt=after).order_by("pk")
        ids = list(unseen.values_list("pk", flat=True)[:limit])
        found = queries.events_by_id(ids) if ids else {}
        told = payloads.for_events(found.values())
        return [
            Item(
                kind=self.name,
                key=str(pk),
                title=told[pk].message,
                sentence=f"The key of {found[pk].experience} may be in other hands: rotate or revoke it.",
                since=found[pk].at,
                link=navigation.event(pk),
                tone="critical",
                acts=(
                    ("Keys", navigation.to("console:experiences")),
                    (
                        "Mark all up to here as seen",
                        navigation.to("console:queue-seen", self.name, pk),
                    ),
                ),
            )
            for pk in ids
        ]


class Reviews(WorkKind):
    name, title, right = "review", "Policy", "console.policy"

    def waiting(self, by: Staff, now: dt.datetime) -> list[Any]:
        return []

    def beside(self, now: dt.datetime) -> int:
        due = reviews.review_due()
        return int(due is not None and due - REVIEW_AHEAD <= now)

    def items(self, by: Staff, now: dt.datetime, after: int, limit: int) -> list[Item]:
        due = reviews.review_due()
        if after or due is None or due - REVIEW_AHEAD > now:
            return []
        address = navigation.to("console:policy-review")
        item = Item(
            kind=self.name,
            key="1",
            title="The policy is to be reviewed",
            sentence=f"A quarter is over on {due:%Y-%m-%d}: look whether the rules still fit.",
            since=due,
            link=address,
            acts=(("Reviewed", address),),
        )
        return [item]


class Guard(WorkKind):
    name, title, right = "guard", "Guard", "console.roles"

    def waiting(self, by: Staff, now: dt.datetime) -> list[Any]:
        return [GuardTrip.objects.filter(ended_at=None)]

    def items(self, by: Staff, now: dt.datetime, after: int, limit: int) -> list[Item]:
        rows = GuardTrip.objects.filter(ended_at=None, pk__gt=after).order_by("pk")[:limit]
        return [
            Item(
                kind=self.name,
                key=str(row.pk),
                title=f"{row.name or row.person} acted very often in a short time",
                sentence="Their actions now need approval until an owner restores access.",
                since=row.tripped_at,
                link=navigation.to("console:guard-release", row.pk),
                tone="critical",
                acts=(("Restore access", navigation.to("console:guard-release", row.pk)),),
            )
            for row in rows
        ]


def _troubled() -> Any:
    return WebhookEndpoint.objects.filter(
        Q(status=WebhookEndpoint.Status.DISABLED) | Q(failing_since__isnull=False)
    )


def _endpoint(row: WebhookEndpoint) -> Item:
    disabled = row.status == WebhookEndpoint.Status.DISABLED
    return Item(
        kind=Endpoints.name,
        key=str(row.pk),
        title=f"{row.name} {'is disabled' if disabled else 'fails'}",
        sentence=row.reason or "Nothing that is sent to it arrives; the tries go on.",
        since=row.failing_since or row.status_at,
        link=navigation.to("console:endpoint", row.pk),
        tone="critical" if disabled else "warning",
    )


def _ending(now: dt.datetime) -> Any:
    return ExperienceKey.objects.filter(
        revoked_at=None, expires_at__gt=now, expires_at__lt=now + SOON
    )


def _sick() -> Any:
    return CloudKey.objects.exclude(problem="").order_by("pk")


def _unseen(kind: str, action: Action) -> Any:
    """Return the events of an action that nobody has marked as seen for a kind."""
    seen = SeenUpTo.objects.filter(kind=kind).values("event")
    behind = Coalesce(Subquery(seen), Value(0))
    return AuditEvent.objects.filter(action=action, pk__gt=behind)
