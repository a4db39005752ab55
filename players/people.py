"""What is done to one person outside the ladder: the adjusted part of their points, and their erasure."""

import datetime as dt
import secrets
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Sum
from django.db.models.functions import Abs
from django.dispatch import Signal

from audits import record as spine
from audits.actions import Action
from audits.record import Target, record, reserve_id
from players.amounts import hundredths, points
from players.columns import micros
from players.decisions import candidate_of, settle
from players.models import CONSOLE, ZERO, Decision, LedgerEntry, Player, Recommendation, Sanction
from players.policies import active
from players.policy.permissions import Act, may
from players.staff import Refused, Staff

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


def adjust(user_id: int, amount: int, *, by: Staff, reason: str, now: dt.datetime) -> Player:
    """Add `amount` hundredths (or take, when negative) to a player's adjusted part: one ledger row, one audit event.

    Raises Refused when there is no such player, no reason, nothing to change, or `by` may not (a sum past the limit
    needs a second person).
    """
    if not reason.strip():
        raise Refused("A reason is required: say why in a sentence.")
    if amount == 0:
        raise Refused("An adjustment of nothing changes nothing.")
    with transaction.atomic():
        player = Player.objects.select_for_update(no_key=True).select_related("rank").filter(user_id=user_id).first()
        if player is None:
            raise Refused(f"No player has the user id {user_id}.")
        policy = active()
        _may_adjust(player, amount, by, now)
        event_id = reserve_id()
        before, total = player.points, player.adjusted + points(amount)
        _write_adjustment(player, amount, by, event_id, now)
        player.refresh_from_db()
        record(
            Action.POINTS_ADJUSTED,
            actor=by.actor,
            target=_target(player),
            event_id=event_id,
            reason=reason,
            before={"points": str(before)},
            after={"points": str(player.points), "amount": str(points(amount)), "adjusted": str(total)},
            policy_version=policy.bundle.version,
        )
        candidate = candidate_of(player)
        settle([candidate], source=Decision.Source.STAFF, policy=policy, actor=by.actor, now=now, reason=reason)
        return player


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
        Sanction.objects.filter(player=player).update(reason="", lift_reason="")
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


def adjusted_today(by: Staff, now: dt.datetime) -> int:
    """What this person has moved since midnight UTC, in hundredths."""
    if by.user_id is None:
        return 0
    rows = LedgerEntry.objects.filter(
        origin=CONSOLE,
        actor__user_id=by.user_id,
        occurred_at__gte=now.replace(hour=0, minute=0, second=0, microsecond=0),
    )
    return hundredths(rows.aggregate(moved=Sum(Abs("awarded")))["moved"] or ZERO)


def _may_adjust(player: Player, amount: int, by: Staff, now: dt.datetime) -> None:
    if by.rank is None:
        return
    policy = active()
    target = policy.ranks.get(player.rank_id)
    if target is None:
        raise Refused("The player's rank is not part of the active policy.")
    today = adjusted_today(by, now)
    verdict = may(
        Act.ADJUST, by.rank, target, own=by.user_id == player.user_id, amount=abs(amount), adjusted_today=today
    )
    if not verdict.allowed:
        raise Refused(f"You may not: {verdict.reason}.")
    if verdict.second:
        raise Refused("This is past your limit and needs a second person's approval.")


def _write_adjustment(player: Player, amount: int, by: Staff, event_id: int, now: dt.datetime) -> None:
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
            " VALUES (%s, %s, 0, %s, 'adjustment', (SELECT id FROM players WHERE user_id = %s), %s * 0.01, %s,"
            " 'epoch'::timestamptz + %s * interval '1 microsecond', %s)",
            [player.pk, CONSOLE, sequence, by.user_id, amount, total, micros(now), event_id],
        )


def _target(player: Player) -> Target:
    return Target("player", str(player.pk), player.username, player.subject)
