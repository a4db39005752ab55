"""What is done to one person outside the ladder: the adjusted part of their points, and their erasure."""

import datetime as dt
import re
import secrets
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models.expressions import RawSQL
from django.dispatch import Signal

from audits import record as spine
from audits.actions import Action
from audits.record import Target, record, reserve_id
from players import approvals, guard
from players.acts import ADJUSTMENT, Done, check_reason, locked, target_of, telling_refusals, verdict
from players.amounts import points
from players.columns import micros
from players.decisions import candidate_of, settle
from players.models import (
    CONSOLE,
    Appeal,
    Approval,
    Claim,
    Decision,
    GameCommand,
    GuardTrip,
    Note,
    Player,
    Recommendation,
    Sanction,
)
from players.policies import active
from players.policy.permissions import Act
from players.staff import NotAllowed, Refused, Staff

TRILLION = 10**12
SHORTEST = 3  # letters of a name that is looked for in texts: Roblox gives no shorter ones
LARGEST = 100 * TRILLION  # hundredths

# Sent with `person` in the transaction of an erasure, before anything of them is gone. Whoever keeps ids or names in
# tables of their own connects to it and forgets them there; an error undoes the whole erasure.
forgetting = Signal()


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is being erased. `player_id` is ours and None where they are no player; `names` may be empty.

    `pseudonym` is the negative id that takes the place of theirs.
    """

    user_id: int
    pseudonym: int
    player_id: int | None = None
    names: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """How the audit log names them; nobody's where they are no player."""
        return f"player:{self.player_id}" if self.player_id is not None else ""

    @property
    def words(self) -> list[str]:
        """What names them in a text: their id, and every name that is long enough to be one."""
        return [str(self.user_id), *(name for name in self.names if len(name) >= SHORTEST)]

    @property
    def told(self) -> re.Pattern[str]:
        """Finds `words` in a text; the id only where it is no part of a longer number."""
        number, *names = self.words
        return re.compile("|".join([rf"(?<!\d){number}(?!\d)", *map(re.escape, names)]))


def adjust(
    user_id: int,
    amount: int,
    *,
    by: Staff,
    reason: str,
    now: dt.datetime,
    reverts: int | None = None,
    counted: bool = True,
    settled: bool = False,
) -> Done:
    """Add `amount` hundredths (or take, when negative) to a player's adjusted part: one ledger row, one audit event.

    Past the limit of a day it is held for a second person, unless it is `settled` already. Raises Refused when there is
    no such player, no reason or nothing to change, and NotAllowed.
    """
    reason = check_reason(reason)
    if amount == 0:
        raise Refused("amount: an adjustment of nothing changes nothing.")
    if abs(amount) >= LARGEST:
        raise Refused("amount: a trillion points and more cannot be kept.")
    with telling_refusals(Act.ADJUST, user_id, by), transaction.atomic():
        tripped = counted and guard.is_tripped(by, now)
        player = locked(user_id)
        found = verdict(Act.ADJUST, player, by, now=now, amount=amount)
        if not found.allowed:
            raise NotAllowed(found.reason)
        if tripped or (found.second and not settled):
            cause = Approval.Cause.VELOCITY if tripped else found.cause
            arguments = {"amount": amount} | ({"reverts": reverts} if reverts else {})
            approval = approvals.hold(
                str(Act.ADJUST), player=player, arguments=arguments, cause=cause, by=by, reason=reason, now=now
            )
            sentence = f"Nothing happened yet to {player.username}. {found.reason} It waits as request {approval.pk}."
            return Done(sentence, approval.event, approval=approval, player=player)
        if counted:
            guard.note(by, now)
        return _adjust(player, amount, by, reason, now, reverts)


def _adjust(
    player: Player,
    amount: int,
    by: Staff,
    reason: str,
    now: dt.datetime,
    reverts: int | None = None,
    kind: str = ADJUSTMENT,
    approval: int | None = None,
) -> Done:
    """Write an adjustment of a locked player, and settle the rank that follows from it."""
    policy = active()
    if abs(player.adjusted + points(amount)) >= TRILLION or abs(player.earned + player.adjusted) >= TRILLION:
        raise Refused("amount: the sum would be past a trillion points.")
    event_id = reserve_id()
    before, total = player.points, player.adjusted + points(amount)
    write_adjustment(player, amount, by, event_id, now, kind)
    player.refresh_from_db()
    record(
        Action.POINTS_ADJUSTED,
        actor=by.actor,
        target=target_of(player),
        event_id=event_id,
        reason=reason,
        before={"points": str(before)},
        after={"points": str(player.points), "amount": str(points(amount)), "adjusted": str(total)},
        details={"approval": approval} if approval is not None else None,
        policy_version=policy.bundle.version,
        reverts=reverts,
    )
    candidate = candidate_of(player)
    settle([candidate], source=Decision.Source.STAFF, policy=policy, actor=by.actor, now=now, reason=reason)
    return Done(f"{player.username} has {player.points} points now.", event_id, player=player)


def _judged(by: Staff, approval: Approval) -> str:
    """Why somebody may not approve an adjustment: their own limit is not spent by it, but it must not be past it."""
    assert approval.player is not None
    found = verdict(Act.ADJUST, approval.player, by, now=approval.created_at)
    if not found.allowed:
        return found.reason
    limit = by.rank.adjust_limit if by.rank else None
    amount = abs(int(approval.arguments["amount"]))
    return "" if limit is None or amount <= limit else f"It is past your own limit of {points(limit)} points too."


@approvals.carries_out(
    str(Act.ADJUST),
    judged=_judged,
    sentence=lambda approval: (
        f"Adjust {approval.player.username if approval.player else 'somebody'} "
        f"by {points(int(approval.arguments['amount'])):+} points"
    ),
)
def _approved(approval: Approval, requester: Staff, approver: Staff, now: dt.datetime) -> int | None:
    assert approval.player is not None
    amount = int(approval.arguments["amount"])
    found = verdict(Act.ADJUST, approval.player, requester, now=now, amount=amount)
    if not found.allowed:
        raise Refused(f"Whoever asked for it may not do it any more ({found.reason}); reject it.")
    reverts = approval.arguments.get("reverts")
    player = approval.player
    return _adjust(player, amount, requester, approval.reason, now, reverts, approval=approval.pk).event


def erase(user_id: int, *, by: Staff, reason: str, now: dt.datetime) -> int:
    """Take a person's name and Roblox id out of every table; returns the number of personal values deleted.

    Their rows stay under a random pseudonym (a negative id that Roblox never gives), unlisted, and the ledger and the
    audit chain stay verifiable: hashes cover commitments, not names. Raises Refused when there is no such player.
    """
    with transaction.atomic():
        player = Player.objects.select_for_update(no_key=True).filter(user_id=user_id, erased_at=None).first()
        if player is None:
            raise Refused(f"No player has the user id {user_id}.")
        pseudonym = new_pseudonym()
        names = tuple(name for name in (player.username, player.display_name) if name)
        forgetting.send(sender=None, person=Person(user_id, pseudonym, player.pk, names))
        Decision.objects.filter(player=player).exclude(reason="").update(reason="")
        Sanction.objects.filter(player=player).update(reason="", lift_reason="", evidence=[])
        # Links to what was seen may show the person.
        bare = RawSQL("arguments - 'evidence'", [])
        Approval.objects.filter(player=player).update(reason="", decide_reason="", arguments=bare)
        GameCommand.objects.filter(answer__userId=user_id).delete()
        Note.objects.filter(player=player).delete()
        Appeal.objects.filter(player=player).update(text="", answer="")
        GuardTrip.objects.filter(person=player.subject).update(name="")
        Claim.objects.filter(holder=player.subject).delete()
        removed = spine.erase(player.subject)
        Player.objects.filter(pk=player.pk).update(
            user_id=pseudonym,
            username=f"erased-{-pseudonym % 10**8:08d}",
            display_name="",
            listed=False,
            erased_at=now,
            updated_at=now,
        )
        record(
            Action.PLAYER_ERASED,
            actor=by.actor,
            target=Target("player", str(player.pk), ""),
            details={"subjects": [player.subject], "personalRows": removed},
            reason=reason,
        )
        return removed


def new_pseudonym() -> int:
    """An id that Roblox never gives and that says nothing of whose place it takes."""
    return -secrets.randbelow(2**62) - 1


def recommendations_of(player: Player) -> int:
    """How many officers recommended a player at their present rank."""
    return Recommendation.objects.filter(player=player, rank=player.rank_id).count()


def write_adjustment(player: Player, amount: int, by: Staff, event_id: int, now: dt.datetime, kind: str) -> None:
    """Move the adjusted part of a locked player by one row of the ledger."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE players SET adjusted = adjusted + %s * 0.01, adjusted_sequence = adjusted_sequence + 1,"
            " updated_at = %s WHERE id = %s RETURNING adjusted_sequence, adjusted",
            [amount, now, player.pk],
        )
        sequence, total = cursor.fetchone()
        cursor.execute(
            "INSERT INTO ledger"
            " (player_id, origin, session, sequence, type, actor_id, awarded, total, occurred_at, batch)"
            " VALUES (%s, %s, 0, %s, %s, (SELECT id FROM players WHERE user_id = %s), %s * 0.01, %s,"
            " 'epoch'::timestamptz + %s * interval '1 microsecond', %s)",
            [player.pk, CONSOLE, sequence, kind, by.user_id, amount, total, micros(now), event_id],
        )
