"""Measures against a player: warn, pardon, suspend, lift, ban, unban. One function is one transaction.

Each act is judged (acts.verdict), held for a second person where it must be (approvals), and else carried out here; a
held one is carried out here too, once it is approved. What of these needs Roblox follows through the mirrors.

Two choices where the rules are silent. At the severe threshold a ban is asked for in the warner's name and waits for
somebody who may ban; until then the player is suspended, as the lower threshold says anyway. And a warning that expires
does not end the suspension that it led to, since that one has an end of its own.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from audits.actions import Action
from audits.record import Actor, record
from players import approvals, guard
from players.acts import (
    Done,
    check_evidence,
    check_reason,
    locked,
    policy_version,
    target_of,
    telling_refusals,
    verdict,
)
from players.decisions import open_proposals, withdraw
from players.models import Approval, Player, Sanction
from players.policies import active
from players.policy.permissions import Act
from players.policy.sanctions import Sanction as Measure
from players.policy.sanctions import sanction_for, suspension_ends, warning_expires
from players.staff import NotAllowed, Refused, Staff

SCHEDULE = Actor("system", "schedule", "schedule")
POLICY = Actor("system", "policy", "policy")
KINDS = {Act.PARDON: Sanction.Kind.WARNING, Act.LIFT: Sanction.Kind.SUSPENSION, Act.UNBAN: Sanction.Kind.BAN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Who does it, why, when, and whence it came. `reverts`: the audit event that it takes back."""

    by: Staff
    reason: str
    now: dt.datetime
    reverts: int | None = None
    source: str = Sanction.Source.STAFF
    experience: str = ""
    approval: int | None = None

    @property
    def details(self) -> dict[str, Any]:
        return {"approval": self.approval} if self.approval is not None else {}


def warn(user_id: int, *, evidence: Sequence[str] = (), **order: Any) -> Done:
    """Warn a player; at the policy's thresholds a suspension follows, and a ban is asked for.

    `by`, `reason`, `now`, and where it matters `reverts`, `source`, `experience`, `counted`, as for every act here.
    Raises Refused; NotAllowed (told in the audit log) for whoever may not.
    """
    return _act(Act.WARN, user_id, {"evidence": check_evidence(evidence)}, **order)


def pardon(sanction_id: int, **order: Any) -> Done:
    """Take a warning back, and what followed from it. Raises Refused, NotAllowed."""
    owner = Sanction.objects.filter(pk=sanction_id, kind=Sanction.Kind.WARNING).values_list("player__user_id").first()
    if owner is None:
        raise Refused(f"There is no warning {sanction_id}.")
    return _act(Act.PARDON, owner[0], {"sanction": sanction_id}, **order)


def suspend(user_id: int, *, until: dt.datetime | None = None, evidence: Sequence[str] = (), **order: Any) -> Done:
    """Suspend a player until a moment (as long as the policy says where none is given). Raises Refused, NotAllowed."""
    end = until or suspension_ends(order["now"], active().bundle.punishments)
    return _act(Act.SUSPEND, user_id, {"until": end.isoformat(), "evidence": check_evidence(evidence)}, **order)


def lift(user_id: int, **order: Any) -> Done:
    """End a suspension; the rank kept meanwhile is given back. Raises Refused, NotAllowed."""
    return _act(Act.LIFT, user_id, {}, **order)


def ban(user_id: int, *, until: dt.datetime | None = None, evidence: Sequence[str] = (), **order: Any) -> Done:
    """Ban a player until a moment, or for good; a second person approves. Raises Refused, NotAllowed."""
    arguments = {"until": until.isoformat() if until else None, "evidence": check_evidence(evidence)}
    return _act(Act.BAN, user_id, arguments, **order)


def unban(user_id: int, **order: Any) -> Done:
    """Lift a ban; a second person approves, unless it is `settled` already. Raises Refused, NotAllowed."""
    return _act(Act.UNBAN, user_id, {}, **order)


def in_force(player: Player, kind: str, now: dt.datetime) -> QuerySet[Sanction]:
    """A player's sanctions of a kind that are neither lifted nor over."""
    found = Sanction.objects.filter(player=player, kind=kind, lifted_at=None)
    return found.filter(Q(ends_at=None) | Q(ends_at__gt=now))


def end_due(now: dt.datetime) -> int:
    """End what is over by time; how many. Roblox lets a banned player in by itself at that moment."""
    due = Sanction.objects.filter(lifted_at=None, ends_at__lte=now).order_by("ends_at").values_list("pk", flat=True)
    ended = 0
    for pk in due[:1000]:
        with transaction.atomic():
            player_id = Sanction.objects.values_list("player_id", flat=True).get(pk=pk)
            player = Player.objects.select_for_update(no_key=True).get(pk=player_id)
            sanction = Sanction.objects.filter(pk=pk, lifted_at=None).first()
            if sanction is not None:
                _end(sanction, player, SCHEDULE, Order(by=_nobody(SCHEDULE), reason="the time is over", now=now))
                ended += 1
    return ended


def _act(
    act: Act,
    user_id: int,
    arguments: dict[str, Any],
    *,
    by: Staff,
    reason: str,
    now: dt.datetime,
    reverts: int | None = None,
    source: str = Sanction.Source.STAFF,
    experience: str = "",
    counted: bool = True,
    settled: bool = False,
) -> Done:
    """`counted`: for the guard (a bulk job was approved as a whole). `settled`: a second person decided already."""
    order = Order(by=by, reason=check_reason(reason), now=now, reverts=reverts, source=source, experience=experience)
    with telling_refusals(act, user_id, by), transaction.atomic():
        tripped = counted and guard.is_tripped(by, now)
        player = locked(user_id)
        found = verdict(act, player, by, now=now)
        if not found.allowed:
            raise NotAllowed(found.reason)
        SENSIBLE[act](player, arguments, now)
        adopted = source == Sanction.Source.ROBLOX  # it is in force there already
        if tripped or (found.second and not settled and not adopted):
            cause = Approval.Cause.VELOCITY if tripped else found.cause
            return _hold(act, player, arguments, cause, order)
        if counted:
            guard.note(by, now)
        return CARRY_OUT[act](player, order, **arguments)


def _hold(act: Act, player: Player, arguments: dict[str, Any], cause: Approval.Cause, order: Order) -> Done:
    kept = {"reverts": order.reverts, "source": order.source, "experience": order.experience}
    approval = approvals.hold(
        str(act),
        player=player,
        arguments=arguments | {name: value for name, value in kept.items() if value},
        cause=cause,
        by=order.by,
        reason=order.reason,
        now=order.now,
    )
    why = "you acted very often lately" if cause == Approval.Cause.VELOCITY else "it always needs a second person"
    sentence = f"Nothing happened yet to {player.username}: {why}. It waits as request {approval.pk}."
    return Done(sentence, approval.event, approval=approval, player=player)


def _approved(act: Act) -> None:
    """Register what carries out a held `act`."""

    def judged(by: Staff, approval: Approval) -> str:
        assert approval.player is not None
        return verdict(act, approval.player, by, now=approval.created_at).reason if not _may(act, by, approval) else ""

    def carry_out(approval: Approval, requester: Staff, approver: Staff, now: dt.datetime) -> int | None:
        assert approval.player is not None
        arguments = dict(approval.arguments)
        asked = Act.WARN if arguments.get("threshold") else act
        found = verdict(asked, approval.player, requester, now=now)
        if not found.allowed:
            raise Refused(f"Whoever asked for it may not do it any more ({found.reason}); reject it.")
        order = Order(
            by=requester,
            reason=approval.reason,
            now=now,
            reverts=arguments.pop("reverts", None),
            source=arguments.pop("source", Sanction.Source.STAFF),
            experience=arguments.pop("experience", ""),
            approval=approval.pk,
        )
        SENSIBLE[act](approval.player, arguments, now)
        return CARRY_OUT[act](approval.player, order, **arguments).event

    approvals.carries_out(str(act), judged=judged, sentence=lambda approval: _asked(act, approval))(carry_out)


def _may(act: Act, by: Staff, approval: Approval) -> bool:
    assert approval.player is not None
    return verdict(act, approval.player, by, now=approval.created_at).allowed


def _asked(act: Act, approval: Approval) -> str:
    who = approval.player.username if approval.player else "somebody"
    until = approval.arguments.get("until")
    end = f" until {until[:16].replace('T', ' ')} UTC" if until else " for good" if act is Act.BAN else ""
    threshold = ", since the warnings reached the policy's threshold" if approval.arguments.get("threshold") else ""
    return f"{str(act).capitalize()} {who}{end}{threshold}"


def _not_ended(player: Player, arguments: dict[str, Any], now: dt.datetime) -> None:
    until = arguments.get("until")
    if until and dt.datetime.fromisoformat(until) <= now:
        raise Refused("until: that moment has passed; give a later one.")


def _warnable(player: Player, arguments: dict[str, Any], now: dt.datetime) -> None:
    """Whoever may be acted on may be warned."""


def _pardonable(player: Player, arguments: dict[str, Any], now: dt.datetime) -> None:
    if not in_force(player, Sanction.Kind.WARNING, now).filter(pk=arguments["sanction"]).exists():
        raise Refused("The warning is not active any more.")


def _suspendable(player: Player, arguments: dict[str, Any], now: dt.datetime) -> None:
    _not_ended(player, arguments, now)
    if _open(player, Sanction.Kind.SUSPENSION) is not None:
        raise Refused("The player is suspended already. Lift that suspension first.")


def _liftable(player: Player, arguments: dict[str, Any], now: dt.datetime) -> None:
    if _open(player, Sanction.Kind.SUSPENSION) is None:
        raise Refused("The player is not suspended.")


def _bannable(player: Player, arguments: dict[str, Any], now: dt.datetime) -> None:
    _not_ended(player, arguments, now)
    if _open(player, Sanction.Kind.BAN) is not None:
        raise Refused("The player is banned already. Lift that ban first.")


def _unbannable(player: Player, arguments: dict[str, Any], now: dt.datetime) -> None:
    if _open(player, Sanction.Kind.BAN) is None:
        raise Refused("The player is not banned.")


def _warn(player: Player, order: Order, *, evidence: Sequence[str] = ()) -> Done:
    policy = active().bundle.punishments
    sanction = _issue(player, Sanction.Kind.WARNING, order, warning_expires(order.now, policy), evidence)
    count = in_force(player, Sanction.Kind.WARNING, order.now).count()
    event = _tell(Action.PLAYER_WARNED, player, sanction, order, {"active": count})
    followed = _follow(player, sanction, order, sanction_for(count, policy))
    sentence = f"{player.username} is warned ({count} of {policy.trial_threshold}){followed}."
    return Done(sentence, event, sanction=sanction, player=player)


def _follow(player: Player, warning: Sanction, order: Order, measure: Measure) -> str:
    """What the policy calls for at so many warnings, in words for whoever warned."""
    if measure is Measure.NONE:
        return ""
    said = ""
    by_policy = replace(order, by=_nobody(POLICY), source=Sanction.Source.POLICY, reverts=None, approval=None)
    if _open(player, Sanction.Kind.SUSPENSION) is None:
        _suspend(player, by_policy, until=suspension_ends(order.now, active().bundle.punishments), cause=warning)
        said = " and suspended"
    if measure is not Measure.BAN or _open(player, Sanction.Kind.BAN) is not None:
        return said
    if order.by.alone:
        _ban(player, by_policy, cause=warning.pk)
        return f"{said} and banned"
    if not player.approvals.filter(act=str(Act.BAN), status=Approval.Status.WAITING).exists():
        _hold(Act.BAN, player, {"threshold": True, "cause": warning.pk}, Approval.Cause.SECOND, order)
    return f"{said}, and a ban waits for approval"


def _pardon(player: Player, order: Order, *, sanction: int) -> Done:
    warning = Sanction.objects.get(pk=sanction)
    event = _end(warning, player, order.by.actor, order)
    policy = active().bundle.punishments
    count = in_force(player, Sanction.Kind.WARNING, order.now).count()
    measure = sanction_for(count, policy)
    ended = []
    for following in _consequences(player, warning):
        needed = measure is Measure.BAN or (measure is Measure.SUSPENSION and following.kind != Sanction.Kind.BAN)
        if following.cause_id == warning.pk or not needed:
            _end(following, player, order.by.actor, replace(order, reverts=following.event))
            ended.append(following.get_kind_display())
    for approval in player.approvals.filter(act=str(Act.BAN), status=Approval.Status.WAITING):
        arguments = approval.arguments
        if arguments.get("threshold") and (arguments.get("cause") == warning.pk or measure is not Measure.BAN):
            approvals.take_back(approval, order.by.actor, order.by.person, "the warning was pardoned", order.now)
            ended.append("request for a ban")
    also = f"; the {' and the '.join(ended)} it led to ended too" if ended else ""
    return Done(f"The warning of {player.username} is taken back{also}.", event, sanction=warning, player=player)


def _consequences(player: Player, warning: Sanction) -> list[Sanction]:
    found = Sanction.objects.filter(player=player, lifted_at=None, source=Sanction.Source.POLICY)
    return list(found.exclude(cause=None).order_by("pk"))


def _suspend(
    player: Player,
    order: Order,
    *,
    until: dt.datetime | str,
    evidence: Sequence[str] = (),
    cause: Sanction | None = None,
) -> Done:
    end = dt.datetime.fromisoformat(until) if isinstance(until, str) else until
    policy = active()
    sanction = _issue(player, Sanction.Kind.SUSPENSION, order, end, evidence, cause)
    if not player.rank.is_punishment:
        player.former_rank_id, player.former_rank_since = player.rank_id, player.rank_since
    elif player.former_rank_id is None:
        # Their rank was taken on Roblox without a suspension here: they come back at the foot of the ladder.
        player.former_rank_id = policy.rank_ids[policy.bundle.first.name]
        player.former_rank_since = player.rank_since
    player.rank_id, player.rank_since = policy.rank_ids[policy.bundle.suspended.name], order.now
    _save(player, order.now, "rank", "rank_since", "former_rank", "former_rank_since")
    withdraw(list(open_proposals([player.pk]).values()), policy, order.by.actor, order.now)
    event = _tell(Action.PLAYER_SUSPENDED, player, sanction, order, {"until": end.isoformat()})
    sentence = f"{player.username} is suspended until {end:%Y-%m-%d %H:%M} UTC."
    return Done(sentence, event, sanction=sanction, player=player)


def _lift(player: Player, order: Order) -> Done:
    sanction = _open(player, Sanction.Kind.SUSPENSION)
    assert sanction is not None
    event = _end(sanction, player, order.by.actor, order)
    sentence = f"{player.username}'s suspension is over; they are {player.rank.name} again."
    return Done(sentence, event, sanction=sanction, player=player)


def _ban(
    player: Player,
    order: Order,
    *,
    until: str | None = None,
    evidence: Sequence[str] = (),
    cause: int | None = None,
    threshold: bool = False,
) -> Done:
    end = dt.datetime.fromisoformat(until) if until else None
    warning = Sanction.objects.filter(pk=cause).first() if cause else None
    if threshold:
        order = replace(order, source=Sanction.Source.POLICY)
    sanction = _issue(player, Sanction.Kind.BAN, order, end, evidence, warning)
    player.banned = True
    _save(player, order.now, "banned")
    withdraw(list(open_proposals([player.pk]).values()), active(), order.by.actor, order.now)
    event = _tell(Action.PLAYER_BANNED, player, sanction, order, {"until": end.isoformat() if end else None})
    ends = f"until {end:%Y-%m-%d %H:%M} UTC" if end else "for good"
    return Done(f"{player.username} is banned {ends}.", event, sanction=sanction, player=player)


def _unban(player: Player, order: Order) -> Done:
    sanction = _open(player, Sanction.Kind.BAN)
    assert sanction is not None
    event = _end(sanction, player, order.by.actor, order)
    return Done(f"{player.username} is not banned any more.", event, sanction=sanction, player=player)


def _issue(
    player: Player,
    kind: Sanction.Kind,
    order: Order,
    ends_at: dt.datetime | None,
    evidence: Sequence[str],
    cause: Sanction | None = None,
) -> Sanction:
    return Sanction.objects.create(
        player=player,
        kind=kind,
        source=order.source,
        reason=order.reason,
        evidence=list(evidence),
        issued_by=order.by.name,
        cause=cause,
        starts_at=order.now,
        ends_at=ends_at,
    )


ENDS = {
    Sanction.Kind.WARNING: Action.PLAYER_PARDONED,
    Sanction.Kind.SUSPENSION: Action.PLAYER_REINSTATED,
    Sanction.Kind.BAN: Action.PLAYER_UNBANNED,
}


def _end(sanction: Sanction, player: Player, actor: Actor, order: Order) -> int:
    """End a sanction, whatever ended it; the audit event's id."""
    sanction.lifted_at, sanction.lifted_by = order.now, f"{actor.kind}:{actor.id}"
    sanction.lift_reason = order.reason
    sanction.save(update_fields=["lifted_at", "lifted_by", "lift_reason"])
    kind = Sanction.Kind(sanction.kind)
    if kind is Sanction.Kind.SUSPENSION:
        _give_back(player, order.now)
    if kind is Sanction.Kind.BAN:
        player.banned = False
        _save(player, order.now, "banned")
    action = Action.WARNING_EXPIRED if kind is Sanction.Kind.WARNING and actor == SCHEDULE else ENDS[kind]
    return record(
        action,
        actor=actor,
        target=target_of(player),
        reason=order.reason,
        before={"sanction": sanction.pk},
        details=order.details,
        reverts=None if actor == SCHEDULE else order.reverts or sanction.event,
        experience=order.experience,
        policy_version=policy_version(),
    )


def _give_back(player: Player, now: dt.datetime) -> None:
    """The rank that was kept, held since when it was; where the policy dropped it meanwhile, the nearest one below."""
    if not player.rank.is_punishment:
        return  # somebody gave them another rank on Roblox meanwhile, which was adopted
    policy = active()
    kept = player.former_rank
    if kept is None or kept.pk not in policy.ranks:
        below = [rank for rank in policy.bundle.ladder if kept is None or rank.min_points <= int(kept.min_points * 100)]
        name = (below[-1] if below and kept is not None else policy.bundle.first).name
        player.rank_id, player.rank_since = policy.rank_ids[name], now
    else:
        player.rank_id, player.rank_since = kept.pk, player.former_rank_since or now
    player.former_rank, player.former_rank_since = None, None
    _save(player, now, "rank", "rank_since", "former_rank", "former_rank_since")
    player.refresh_from_db(fields=["rank"])


def _tell(action: Action, player: Player, sanction: Sanction, order: Order, after: dict[str, Any]) -> int:
    event = record(
        action,
        actor=order.by.actor,
        target=target_of(player),
        reason=order.reason,
        after={"sanction": sanction.pk, "source": str(sanction.source)} | after,
        details=order.details | ({"cause": sanction.cause_id} if sanction.cause_id else {}),
        reverts=order.reverts,
        experience=order.experience,
        policy_version=policy_version(),
    )
    sanction.event = event
    sanction.save(update_fields=["event"])
    return event


def _open(player: Player, kind: Sanction.Kind) -> Sanction | None:
    return Sanction.objects.filter(player=player, kind=kind, lifted_at=None).first()


def _save(player: Player, now: dt.datetime, *fields: str) -> None:
    player.updated_at = now
    player.save(update_fields=[*fields, "updated_at"])


def _nobody(actor: Actor) -> Staff:
    return Staff(actor, rank=None, alone=True)


SENSIBLE: dict[Act, Callable[[Player, dict[str, Any], dt.datetime], None]] = {
    Act.WARN: _warnable,
    Act.PARDON: _pardonable,
    Act.SUSPEND: _suspendable,
    Act.LIFT: _liftable,
    Act.BAN: _bannable,
    Act.UNBAN: _unbannable,
}
CARRY_OUT: dict[Act, Callable[..., Done]] = {
    Act.WARN: _warn,
    Act.PARDON: _pardon,
    Act.SUSPEND: _suspend,
    Act.LIFT: _lift,
    Act.BAN: _ban,
    Act.UNBAN: _unban,
}
for _one in CARRY_OUT:
    _approved(_one)
