"""The ranks and the public part of the policy over HTTP."""

from decimal import Decimal
from typing import Any, Literal

import msgspec
from django.db.models import F
from rest_framework.request import Request
from rest_framework.response import Response

from common import replica
from players.active_policy import NoPolicy, active
from players.api import parameters
from players.api.base import View
from players.api.parameters import cursor, page_size
from players.api.schemas import Next, Out, Time, Whole
from players.models import PolicyActivation
from players.public import ranks
from players.public.ranks import PublicRank

CHANGES_LIMIT = page_size(10, 50)
# Parts that a document stored by an older release lacks.
NEWER: dict[str, Any] = {"multipliers": []}
AFTER_ACTIVATION = cursor(parameters.ID)


class RankOut(Out, frozen=True):
    """A rank. `players`: its holders, counted each minute. `colour`: `#rrggbb`, or null."""

    name: str
    slug: str
    level: str
    position: Whole
    role: Whole
    min_points: Decimal
    min_time_days: Whole
    required_recommendations: Whole
    privileged: bool
    on_ladder: bool
    retired: bool
    description: str
    colour: str | None
    players: Whole


class RanksOut(Out, frozen=True):
    """The ranks of the active policy, lowest first, then those of former policies (`retired`)."""

    policy_version: str
    ranks: list[RankOut]
    as_of: Time


class EventTypeOut(Out, frozen=True):
    """A type of event. Either `weight` is set, or `weightByLevel` by the level of the officer."""

    type: str
    weight: float | None
    weight_by_level: dict[str, float]
    counter: str | None
    cooldown_seconds: Whole | None
    shortest_seconds: Whole | None
    recommends: bool


class MultiplierOut(Out, frozen=True):
    """A period in which events are worth more.

    `events` and `experiences`: the only ones that it is for; null for all. The caps do not change.
    """

    name: str
    starts_at: Time
    ends_at: Time
    factor: float
    events: list[str] | None
    experiences: list[str] | None


class PublicPolicyOut(Out, frozen=True):
    """How points are earned under the active policy. Caps are points in one experience.

    `multipliers`: past ones too, as long as the policy has them.
    """

    number: Whole
    version: str
    activated_at: Time
    daily_cap: float
    weekly_cap: float
    multipliers: list[MultiplierOut]
    events: list[EventTypeOut]


class PolicyChangeOut(Out, frozen=True):
    """One changed rule. `subject`: the rank, type or kind of event, multiplier or quota, else empty.

    `before` and `after`: numbers as plain decimal text, times as in documents; null where the rule
    was not there, or where it is for all events or experiences.
    """

    kind: Literal[
        "rank.added",
        "rank.removed",
        "rank.points",
        "rank.days",
        "rank.recommendations",
        "rank.privileged",
        "event.added",
        "event.removed",
        "event.weight",
        "event.cooldown",
        "event.shortest",
        "cap.daily",
        "cap.weekly",
        "multiplier.added",
        "multiplier.removed",
        "multiplier.factor",
        "multiplier.from",
        "multiplier.to",
        "multiplier.events",
        "multiplier.experiences",
        "quota.added",
        "quota.removed",
        "quota.minutes",
        "quota.attended",
        "quota.hosted",
        "quota.period",
        "quota.free",
        "hosted_event.added",
        "hosted_event.removed",
        "hosted_event.award",
        "hosted_event.minutes",
        "leave.days",
        "leave.time",
        "join.age",
    ]
    subject: str
    before: str | None
    after: str | None


class ActivationOut(Out, frozen=True):
    """A policy that was put in force, and what it changed in the one before."""

    number: Whole
    version: str
    activated_at: Time
    changes: list[PolicyChangeOut]


class PolicyChangesOut(Out, frozen=True):
    """One page of activations, newest first."""

    changes: list[ActivationOut]
    next: Next


class Ranks(View):
    """All ranks of the community with the number of their holders."""

    caller, cached, response_body = "anyone", True, RanksOut

    def get(self, request: Request) -> Response:
        version = active().bundle.version
        lines = [_rank_out(rank) for rank in ranks.ranks()]
        return Response(RanksOut(version, lines, replica.as_of()))


class PublicPolicy(View):
    """How points are earned: values of events, cooldowns and caps."""

    caller, cached, response_body = "anyone", True, PublicPolicyOut

    def get(self, request: Request) -> Response:
        last = PolicyActivation.objects.order_by("-pk").first()
        if last is None:
            raise NoPolicy
        facts = {"number": last.number, "version": last.version, "activatedAt": last.activated_at}
        return Response(msgspec.convert(NEWER | facts | last.document, PublicPolicyOut))


class PolicyChanges(View):
    """The policies that were put in force, newest first, each with what it changed."""

    caller, cached, response_body = "anyone", True, PolicyChangesOut
    query_parameters = (CHANGES_LIMIT, AFTER_ACTIVATION)
    error_statuses = (400,)

    def get(self, request: Request) -> Response:
        size = parameters.integer(request, CHANGES_LIMIT)
        after = parameters.text(request, AFTER_ACTIVATION)
        rows = PolicyActivation.objects.order_by("-pk")
        if after is not None:
            rows = rows.filter(pk__lt=int(after))
        found = list(
            rows.annotate(activatedAt=F("activated_at")).values(
                "pk", "number", "version", "activatedAt", "changes"
            )[: size + 1]
        )
        page = msgspec.convert(found[:size], list[ActivationOut])
        cursor = str(found[size - 1]["pk"]) if len(found) > size else None
        return Response(PolicyChangesOut(page, cursor))


def _rank_out(rank: PublicRank) -> RankOut:
    return RankOut(
        name=rank.name,
        slug=rank.slug,
        level=rank.level,
        position=rank.position,
        role=rank.role,
        min_points=rank.min_points,
        min_time_days=rank.min_time_days,
        required_recommendations=rank.required_recommendations,
        privileged=rank.privileged,
        on_ladder=rank.on_ladder,
        retired=rank.retired,
        description=rank.description,
        colour=rank.colour,
        players=rank.players,
    )
