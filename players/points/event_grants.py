"""Let officers give events in a game. The game counts the event; permission is checked here."""

from django.db import transaction

from audits.actions import Action
from audits.record import NOBODY, record
from common.amounts import points
from common.errors import NotAllowed, Refused
from players.active_policy import active
from players.membership.status import present
from players.models import Player
from players.moderation import daily_limit, experience_bounds, velocity_limit
from players.moderation.approval_types import ApprovalRequest
from players.moderation.audit_fields import target_of
from players.moderation.authorization import Circumstances, permission_for
from players.moderation.command import ActionResult, Command
from players.moderation.experience_bounds import Demand
from players.moderation.refusals import audit_refusals
from players.policy.bounds import Kind
from players.policy.membership import MembershipStatus
from players.policy.multipliers import Occasion
from players.policy.permissions import Act
from players.policy.points import award_at

INSTEAD = "Adjust their points instead: a second person can approve that."


def give(user_id: int, event: str, command: Command) -> ActionResult:
    """Let a game count one event for a player.

    The event's full value, with the multiplier of the moment, counts toward the officer's daily
    limit, even if the player's cap cuts it. Past the bounds of the experience, an adjustment by as
    many points waits for the officer's confirmation instead. Raises Refused past the daily limit,
    since a game cannot hold an event back, and NotAllowed.
    """
    command, by, now = command.checked(), command.by, command.now
    policy = active().bundle.points
    kind = policy.events.get(event)
    if kind is None or kind.recommends or kind.weight is None:
        raise Refused(
            "event: say one of the policy's, as training; a recommendation has a command of its own."
        )
    amount = abs(award_at(kind.weight, Occasion(event, now, command.experience), policy))
    with audit_refusals(Act.ADJUST, user_id, by), transaction.atomic():
        tripped = velocity_limit.is_tripped(by, now)
        day = daily_limit.day_of(now)
        taken = daily_limit.lock(by.person, day)
        player = _target(user_id)
        found = permission_for(
            Act.ADJUST, player, by, Circumstances(now, amount=amount, taken=taken)
        )
        if not found.allowed:
            raise NotAllowed(found.reason)
        if present(player.member) not in {MembershipStatus.MEMBER, MembershipStatus.UNKNOWN}:
            raise Refused("They are no member of the group, so they earn nothing.")
        if tripped:
            raise Refused(f"You acted too often in a short time. {INSTEAD}")
        if found.needs_second_person:
            raise Refused(f"{found.reason} {INSTEAD}")
        if past := experience_bounds.take(
            command.experience, player, Demand(Kind.AWARD, amount), now
        ):
            return _request_confirmation(player, event, amount, past, command)
        velocity_limit.record_acts(by, now)
        daily_limit.charge(by.person, day, amount)
        written = record(
            Action.EVENT_GIVEN,
            actor=by.actor,
            target=target_of(player) if player.pk else NOBODY,
            reason=command.reason,
            experience=command.experience,
            details={"event": event, "amount": f"{points(amount):.2f}"},
        )
    return ActionResult(
        f"{player.username or 'A newcomer'} is given {event}.",
        written,
        player=player if player.pk else None,
    )


def _request_confirmation(
    player: Player, event: str, amount: int, past: str, command: Command
) -> ActionResult:
    if not player.pk:
        raise Refused(f"{past} Nothing is known of them yet, so there is nothing to wait.")
    return experience_bounds.request_confirmation(
        ApprovalRequest(str(Act.ADJUST), player, {"amount": amount, "event": event}), past, command
    )


def _target(user_id: int) -> Player:
    """Return the locked player.

    A person without a row gets an unsaved one at the first rank. The event's ledger row will create
    the saved one.
    """
    player = Player.objects.select_for_update(no_key=True).filter(user_id=user_id).first()
    if player is not None:
        return player
    policy = active()
    first = policy.rank_ids[policy.bundle.first.name]
    return Player(user_id=user_id, rank_id=first, member=MembershipStatus.UNKNOWN.value)
