"""The bounds of each experience's game servers, and how much of them is used today.

The configuration (config/backend.integrations.json) says which bounds are wanted. The experience's
row says what two owners approved. Only what both allow is in force. So a tighter configuration
applies from the next start, and `adopt` (manage.py bootstrap) stores it. A looser one applies once
two owners approved it (`ask`).
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.conf import settings
from django.db import transaction
from django.db.models import F

from audits.actions import Action
from audits.record import Actor, Target, record
from common.amounts import hundredths, points
from common.errors import NotAllowed, Refused
from players.active_policy import ActivePolicy, active
from players.models import Approval, BroughtDay, BroughtPerson, Player
from players.moderation import approval_types, approvals
from players.moderation.actors import Staff
from players.moderation.approval_types import ApprovalRequest
from players.moderation.authorization import kept_rank
from players.moderation.command import ActionResult, Command
from players.policy import bounds as rules
from players.policy.bounds import Terms
from players.policy.bundle import RankRule
from roblox.models import Experience

LOOSEN = "experience.bounds"
RIGHT = "console.roles"  # owners
KEPT = dt.timedelta(days=3)


def in_force(experience: str) -> Terms:
    """Return what the game servers of an experience may do now."""
    row = Experience.objects.filter(key=experience).values_list("bounds", flat=True).first()
    return rules.tightest(rules.read(row), wanted(experience), active().bundle)


def wanted(experience: str) -> Terms:
    """Return the configured bounds, or the defaults for an unknown experience."""
    for configured in settings.INTEGRATIONS.experiences:
        if configured.key == experience:
            terms: Terms = configured.bounds.terms
            return terms
    return rules.DEFAULTS


def missing(experience: str) -> list[str]:
    """Return what the configuration allows beyond what is in force, one phrase each."""
    return rules.loosened(in_force(experience), wanted(experience), active().bundle)


@dataclass(frozen=True, slots=True)
class Demand:
    """What an act uses of its experience's bounds. `amount`: hundredths; `to`: the rank given."""

    kind: str
    amount: int = 0
    to: RankRule | None = None


def take(experience: str, player: Player, demand: Demand, now: dt.datetime) -> str:
    """Count an act toward the bounds of its experience.

    Returns why it exceeds them, or "". An act past the bounds is not counted. Acts without an
    experience have no bounds. It runs in the act's transaction with the player locked, so a later
    refusal undoes the count.
    """
    if not experience:
        return ""
    policy, terms = active(), in_force(experience)
    kind, amount, to = demand.kind, demand.amount, demand.to
    ceiling = terms.acts.get(kind)
    day = _locked(experience, kind if ceiling is not None and ceiling.own else "", now)
    known = player.pk is not None and BroughtPerson.objects.filter(of=day, player=player).exists()
    act = rules.BoundedAct(kind, amount, max(_position(player, policy), to.position if to else 0))
    usage = rules.Usage(hundredths(day.spent), day.people, known)
    why = rules.past(terms, act, usage, policy.bundle)
    if why:
        return f"{_name(experience)} {why.removeprefix('it ')}."
    BroughtDay.objects.filter(pk=day.pk).update(
        spent=F("spent") + points(abs(amount)), people=F("people") + (0 if known else 1)
    )
    if player.pk is not None and not known:
        BroughtPerson.objects.create(of=day, player=player)
    return ""


@dataclass(frozen=True, slots=True)
class PersonDemand:
    """What one act of many does to a locked player: our id, the hundredths and their position."""

    player: int
    amount: int
    position: int


def take_many(experience: str, kind: str, demands: Sequence[PersonDemand], now: dt.datetime) -> str:
    """Count one act on many players toward the bounds of its experience, as `take` does for one.

    Returns why it exceeds them, or "". Then nothing of it is counted.
    """
    bundle, terms = active().bundle, in_force(experience)
    ceiling = terms.acts.get(kind)
    day = _locked(experience, kind if ceiling is not None and ceiling.own else "", now)
    known = set(
        BroughtPerson.objects.filter(
            of=day, player__in=[demand.player for demand in demands]
        ).values_list("player_id", flat=True)
    )
    spent, people = hundredths(day.spent), day.people
    for demand in demands:
        usage = rules.Usage(spent, people, demand.player in known)
        act = rules.BoundedAct(kind, demand.amount, demand.position)
        if why := rules.past(terms, act, usage, bundle):
            return f"{_name(experience)} {why.removeprefix('it ')}."
        spent += abs(demand.amount)
        people += demand.player not in known
    BroughtDay.objects.filter(pk=day.pk).update(spent=points(spent), people=people)
    new = [
        BroughtPerson(of=day, player_id=one.player) for one in demands if one.player not in known
    ]
    BroughtPerson.objects.bulk_create(new)
    return ""


def request_confirmation(request: ApprovalRequest, past: str, command: Command) -> ActionResult:
    """Hold an act `past` the bounds until its officer confirms it or a second person approves.

    Raises Refused if the experience has too many open requests.
    """
    player = request.player
    assert player is not None
    request = replace(request, cause=Approval.Cause.EXPERIENCE)
    approval = approvals.request_approval(request, command)
    sentence = (
        f"Nothing happened yet to {player.username}. {past} Sign in to the console and "
        f"confirm request {approval.pk}, or let a second person approve it."
    )
    return ActionResult(sentence, approval.event, approval=approval, player=player)


def adopt(experience: str, *, actor: Actor) -> bool:
    """Store tighter bounds from the configuration; return whether anything changed."""
    with transaction.atomic():
        row = Experience.objects.select_for_update().get(key=experience)
        held = rules.read(row.bounds)
        kept = rules.tightest(held, wanted(experience), active().bundle)
        if kept == held:
            return False
        _write(row, kept, actor=actor)
        return True


def ask(experience: str, *, by: Staff, reason: str, now: dt.datetime) -> Approval:
    """Request the configured bounds beyond those in force. Another owner approves.

    Raises Refused, NotAllowed.
    """
    if not by.has(RIGHT):
        raise NotAllowed("You may not: only an owner lets an experience do more.")
    with transaction.atomic():
        Experience.objects.select_for_update().get(key=experience)
        more = missing(experience)
        if not more:
            raise Refused("The configuration asks for nothing beyond what is in force.")
        if waiting(experience) is not None:
            raise Refused("More is asked for already; decide on that first.")
        arguments = {
            "experience": experience,
            "bounds": rules.written(wanted(experience)),
            "more": more,
        }
        return approvals.request_approval(
            ApprovalRequest(LOOSEN, arguments=arguments), Command(by=by, reason=reason, now=now)
        )


def waiting(experience: str) -> Approval | None:
    """Return the request for looser bounds that waits for another owner."""
    found = Approval.objects.filter(
        act=LOOSEN, status=Approval.Status.WAITING, arguments__experience=experience
    )
    return found.first()


def purge(now: dt.datetime) -> None:
    """Delete usage records older than KEPT, with the people acted on."""
    old = BroughtDay.objects.filter(day__lt=(now - KEPT).date())
    BroughtPerson.objects.filter(of__in=old).delete()
    old.delete()


@approval_types.executes(
    LOOSEN,
    entitled=lambda by: by.has(RIGHT),
    sentence=lambda approval: _asked(approval),
)
def _approved(
    approval: Approval, requester: Staff, approver: Staff, now: dt.datetime
) -> int | None:
    row = Experience.objects.select_for_update().get(key=approval.arguments["experience"])
    terms = rules.read(approval.arguments["bounds"])
    return _write(row, terms, actor=requester.actor, reason=approval.reason, approval=approval.pk)


def _asked(approval: Approval) -> str:
    more = "; ".join(approval.arguments["more"])
    return f"Let game servers of {_name(approval.arguments['experience'])} do more: {more}"


def _write(
    row: Experience, terms: Terms, *, actor: Actor, reason: str = "", approval: int | None = None
) -> int:
    before = rules.read(row.bounds)
    Experience.objects.filter(pk=row.pk).update(bounds=rules.written(terms))
    return record(
        Action.EXPERIENCE_CHANGED,
        actor=actor,
        target=Target("experience", row.key, ""),
        experience=row.key,
        reason=reason,
        before={"bounds": rules.written(before)},
        after={"bounds": rules.written(terms)},
        details={"approval": approval} if approval is not None else None,
    )


def _locked(experience: str, pool: str, now: dt.datetime) -> BroughtDay:
    """Return today's row, locked. Every transaction that locks both locks the player first."""
    day = now.astimezone(dt.UTC).date()
    BroughtDay.objects.bulk_create(
        [BroughtDay(experience=experience, day=day, pool=pool)], ignore_conflicts=True
    )
    return BroughtDay.objects.select_for_update(no_key=True).get(
        experience=experience, day=day, pool=pool
    )


def _position(player: Player, policy: ActivePolicy) -> int:
    """Return a player's position. For a suspended player it is that of the former rank."""
    kept = player.former_rank
    rank = kept_rank(kept, policy) if kept is not None else policy.ranks.get(player.rank_id)
    return rank.position if rank is not None else rules.HIGHER_THAN_ANY


def _name(experience: str) -> str:
    return (
        Experience.objects.filter(key=experience).values_list("name", flat=True).first()
        or experience
    )
