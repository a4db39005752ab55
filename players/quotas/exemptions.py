"""Exempt players from quotas, and end exemptions. Each function is one transaction."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection

from django.db import transaction
from django.db.models import Q

from audits.actions import Action
from audits.record import record
from common.errors import NotAllowed, Refused
from common.visible_text import isolated
from players.active_policy import active
from players.models import Approval, Player, QuotaExemption
from players.moderation import approval_types, experience_bounds
from players.moderation.actors import Staff
from players.moderation.approval_types import ApprovalRequest
from players.moderation.audit_fields import policy_version, target_of
from players.moderation.authorization import Circumstances, permission_for
from players.moderation.command import ActionResult, Command
from players.moderation.experience_bounds import Demand
from players.moderation.locks import check_not_taken_back, lock_player
from players.moderation.refusals import audit_refusals
from players.policy.permissions import Act
from players.policy.quotas import DAY, Span
from players.quotas import exemption_ending
from players.quotas.exemption_ending import terms

ENDED = "The exemption ended already."


def exempt(
    user_id: int, command: Command, *, quota: str = "", until: dt.datetime | None = None
) -> ActionResult:
    """Exempt a player from a quota, or from all of them, from today on.

    `until`: its day is the last one; None: without end. Raises Refused, NotAllowed.
    """
    command = command.checked()
    with audit_refusals(Act.EXEMPT, user_id, command.by), transaction.atomic():
        player = _authorized(user_id, command)
        check_not_taken_back(command.reverts)
        _check(player, quota, until, command.now)
        arguments = {"quota": quota, "until": until.isoformat() if until else None}
        if past := experience_bounds.take(
            command.experience, player, Demand(str(Act.EXEMPT)), command.now
        ):
            request = ApprovalRequest(str(Act.EXEMPT), player, arguments)
            return experience_bounds.request_confirmation(request, past, command)
        return _exempt(player, command, quota, until)


def end(exemption_id: int, command: Command) -> ActionResult:
    """End an exemption: from today on the quota binds again. Raises Refused, NotAllowed."""
    command = command.checked()
    rows = QuotaExemption.objects.filter(pk=exemption_id)
    user_id = rows.values_list("player__user_id", flat=True).first()
    if user_id is None:
        raise Refused(f"There is no exemption {exemption_id}.")
    with audit_refusals(Act.EXEMPT, user_id, command.by), transaction.atomic():
        player = _authorized(user_id, command)
        check_not_taken_back(command.reverts)
        exemption = rows.select_for_update().get()
        if exemption.ended_at is not None:
            raise Refused(ENDED)
        today = _day(command.now)
        rows.update(ended_at=command.now, ends_on=max(exemption.starts_on, today))
        event = record(
            Action.EXEMPTION_ENDED,
            actor=command.by.actor,
            target=target_of(player),
            reason=command.reason,
            before={"exemption": exemption.pk, **terms(exemption)},
            reverts=command.reverts or exemption.event,
            experience=command.experience,
            policy_version=policy_version(),
        )
        sentence = f"{isolated(player.username)} is bound by {_what(exemption.quota)} again."
        return ActionResult(sentence, event, player=player)


def running(player: Player, now: dt.datetime) -> list[QuotaExemption]:
    """Return the exemptions of a player that are in force, the newest first."""
    rows = QuotaExemption.objects.filter(player=player, ended_at=None)
    return list(rows.filter(Q(ends_on=None) | Q(ends_on__gt=_day(now))).order_by("-pk"))


def open_id(player: Player, now: dt.datetime) -> int | None:
    """Return the id of the newest exemption that is in force, or None."""
    found = running(player, now)
    return found[0].pk if found else None


def spans_in(player_ids: Collection[int], quota: str, period: Span) -> dict[int, list[Span]]:
    """Return the days in a period on which players are exempt from a quota, by our player id."""
    rows = QuotaExemption.objects.filter(
        Q(ends_on=None) | Q(ends_on__gt=period.first),
        player_id__in=player_ids,
        quota__in=["", quota],
        starts_on__lt=period.end,
    )
    found: dict[int, list[Span]] = defaultdict(list)
    for player_id, first, last in rows.values_list("player_id", "starts_on", "ends_on"):
        found[player_id].append(Span(first, last or period.end))
    return found


def _authorized(user_id: int, command: Command) -> Player:
    """Return the locked player. Raises Refused, NotAllowed."""
    player = lock_player(user_id)
    found = permission_for(Act.EXEMPT, player, command.by, Circumstances(command.now))
    if not found.allowed:
        raise NotAllowed(found.reason)
    return player


def _check(player: Player, quota: str, until: dt.datetime | None, now: dt.datetime) -> None:
    names = [one.name for one in active().bundle.community.quotas]
    if quota and quota not in names:
        known = ", ".join(names) or "none"
        raise Refused(f"quota: there is no quota {quota!r}. The policy has: {known}.")
    if until is not None and until <= now:
        raise Refused("until: that moment has passed; give a later one.")
    rows = QuotaExemption.objects.filter(player=player, quota=quota, ended_at=None)
    today = _day(now)
    if rows.filter(Q(ends_on=None) | Q(ends_on__gt=today)).exists():
        raise Refused("They are exempt already: end that exemption first.")
    exemption_ending.end_over(player, quota, now)


def _exempt(
    player: Player, command: Command, quota: str, until: dt.datetime | None
) -> ActionResult:
    row = QuotaExemption(
        player=player,
        quota=quota,
        starts_on=_day(command.now),
        ends_on=_day(until) + DAY if until else None,
        reason=command.reason,
        given_by=command.by.name,
        created_at=command.now,
        event=0,
    )
    row.save()
    row.event = record(
        Action.PLAYER_EXEMPTED,
        actor=command.by.actor,
        target=target_of(player),
        reason=command.reason,
        after={"exemption": row.pk, **terms(row)},
        reverts=command.reverts,
        experience=command.experience,
        policy_version=policy_version(),
    )
    row.save(update_fields=["event"])
    end = f" until {_day(until)}" if until else ""
    sentence = f"{isolated(player.username)} is exempt from {_what(quota)}{end}."
    return ActionResult(sentence, row.event, player=player)


def _what(quota: str) -> str:
    return f"the quota “{quota}”" if quota else "all quotas"


def _day(moment: dt.datetime) -> dt.date:
    return moment.astimezone(dt.UTC).date()


def _judged(by: Staff, approval: Approval) -> str:
    assert approval.player is not None
    found = permission_for(Act.EXEMPT, approval.player, by, Circumstances(approval.created_at))
    return "" if found.allowed else found.reason


@approval_types.executes(
    str(Act.EXEMPT),
    judged=_judged,
    needs_second_person=lambda by, approval: "",
    sentence=lambda approval: (
        f"Exempt {approval.player.username if approval.player else 'somebody'}"
        f" from {_what(approval.arguments.get('quota', ''))}"
    ),
)
def _approved(
    approval: Approval, requester: Staff, approver: Staff, now: dt.datetime
) -> int | None:
    assert approval.player is not None
    if why_not := _judged(requester, approval):
        raise Refused(f"Whoever asked for it may not do it any more ({why_not}); reject it.")
    given = approval.arguments
    until = dt.datetime.fromisoformat(given["until"]) if given.get("until") else None
    _check(approval.player, given.get("quota", ""), until, now)
    command = Command(by=requester, reason=approval.reason, now=now, experience=approval.experience)
    return _exempt(approval.player, command, given.get("quota", ""), until).event
