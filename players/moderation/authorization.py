"""What every act on a player has in common: who may do it, why, who must approve it, and what came
of it.

A door asks `verdict` before it shows a button; the rule asks it again, with the player locked.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from audits.actions import Action
from audits.models import Reversal
from audits.record import NOBODY, Actor, Target, record
from common import advisory_lock
from common.amounts import hundredths, points
from common.errors import NotAllowed, Refused
from common.time import BadMoment, in_utc
from players.active_policy import ActivePolicy, active
from players.membership.status import present
from players.models import Approval, Decision, Player, Sanction
from players.models import Rank as RankRow
from players.moderation import daily_limit
from players.moderation.actors import Staff
from players.moderation.daily_limit import Taken
from players.policy import permissions
from players.policy.bundle import Rank
from players.policy.permissions import FOR_MEMBERS, Act, Refusal, concerns, may

ADJUSTMENT = "adjustment"  # the ledger's type of what staff add and take by hand
MOST_LINKS = 5
LONGEST_LINK = 500
LONGEST_REASON = 500

# What one person may move in a UTC day without a second one, whatever their rank: twice what the
# highest rank of the
# ladder takes, and as many players as one call of POST /adjustments names. Beyond, a slip of the
# pen is a disaster.
MASS_POINTS = 100_000_00  # hundredths, without their signs
MASS_PLAYERS = 10_000

_telling: ContextVar[bool] = ContextVar("telling_refusals", default=False)


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an act. With `approval`, nothing happened yet: a second person must approve it."""

    sentence: str
    event: int | None = None
    approval: Approval | None = None
    sanction: Sanction | None = None
    decision: Decision | None = None
    player: Player | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an act is allowed; `second`: only with a second person, for `cause`. `reason` says
    why not, or why so.
    """

    allowed: bool
    second: bool = False
    reason: str = ""
    cause: Approval.Cause = Approval.Cause.SECOND


def verdict(
    act: Act,
    player: Player,
    by: Staff,
    *,
    now: dt.datetime,
    amount: int = 0,
    to: Rank | None = None,
    policy: ActivePolicy | None = None,
    taken: Taken | None = None,
) -> Verdict:
    """Whether `by` may do `act` to `player` now. `amount` in hundredths; `to` is the rank that a
    change leads to.

    The hierarchy is judged by the rank that is kept for somebody suspended. `policy`: the one in
    force, and `taken`: what counts against the limit of `by` today, if at hand; a rule that acts
    has locked it.
    """
    if player.erased_at is not None:
        return Verdict(False, reason="The person was erased.")
    membership = present(player.member)
    if not concerns(act, membership) and (act in FOR_MEMBERS or not by.alone):
        return Verdict(False, reason=f"You may not: {Refusal.TARGET_NO_MEMBER}.")
    if by.alone:
        return Verdict(True)
    policy = policy or active()
    found = (
        _of_owner(act, player, by) if by.rank is None else _of_ranked(act, player, by, to, policy)
    )
    if not found.allowed or found.second or act is not Act.ADJUST:
        return found
    return (
        past_limit(
            by, amount, daily_limit.taken(by, now) if taken is None else taken, policy=policy
        )
        or found
    )


def past_limit(
    by: Staff,
    moved: int,
    taken: Taken,
    *,
    players: int = 1,
    largest: int | None = None,
    policy: ActivePolicy | None = None,
) -> Verdict | None:
    """Why points that are let go as one act need a second person; None where they do not.

    The one place that says so, for a single adjustment, a mass change, a file and an undo. `moved`:
    hundredths without their signs, of all `players` together, and `largest` of one of them;
    `taken`: what counts today already.
    """
    above = (policy or active()).bundle.second_above
    if not by.alone and permissions.is_large(
        Act.ADJUST, moved if largest is None else largest, above
    ):
        said = f"More than {points(above):,} points at once need a second person."
        return Verdict(True, True, said, Approval.Cause.LIMIT)
    if by.rank is not None and permissions.past_limit(Act.ADJUST, by.rank, moved, taken.spent):
        limit = by.rank.adjust_limit or 0
        return Verdict(
            True, True, f"Past your limit of {points(limit)} points a day.", Approval.Cause.LIMIT
        )
    if abs(moved) + taken.alone > MASS_POINTS:
        said = f"It moves more than {MASS_POINTS // 100:,} points, with what you let go today."
        return Verdict(True, True, said, Approval.Cause.LIMIT)
    if players + taken.players > MASS_PLAYERS:
        said = f"It touches more than {MASS_PLAYERS:,} players, with those of today."
        return Verdict(True, True, said, Approval.Cause.LIMIT)
    return None


def past_own_limit(by: Staff, moved: int) -> str:
    """Why somebody may not be the second person for so many hundredths; empty when they may.

    Approving spends nothing of their day, but what they approve must not be past what they may move
    at a time.
    """
    limit = by.rank.adjust_limit if by.rank else None
    return (
        ""
        if limit is None or abs(moved) <= limit
        else f"It is past your own limit of {points(limit)} points too."
    )


def take_turn(person: str) -> None:
    """Let one transaction at a time act for a person: what they did lately and today is counted
    right then.

    Taken before anything else is locked.
    """
    advisory_lock.lock(f"acts of {person}")


def check_not_taken_back(event: int | None) -> None:
    """Raises Refused where an event was taken back by now. The player whom it is about is locked."""
    by_event = (
        Reversal.objects.filter(event_id=event).values_list("by_event", flat=True).first()
        if event
        else None
    )
    if by_event is not None:
        raise Refused(f"It was taken back already, by event {by_event}.")


def _of_ranked(
    act: Act, player: Player, by: Staff, to: Rank | None, policy: ActivePolicy
) -> Verdict:
    """Whether somebody of a rank may, beside what they may move in a day."""
    held = _rank_of(player, policy)
    if held is None:
        return Verdict(False, reason="The player's rank is not part of the active policy.")
    assert by.rank is not None
    found = may(
        act,
        by.rank,
        held,
        own=by.is_player(player),
        actor_membership=by.membership,
        target_membership=present(player.member),
        to=to,
    )
    if not found.allowed:
        return Verdict(False, reason=f"You may not: {found.reason}.")
    return Verdict(True, found.second, "It always needs a second person." if found.second else "")


def _of_owner(act: Act, player: Player, by: Staff) -> Verdict:
    """An owner without a rank: no hierarchy binds them, but they do not act on themselves, nor
    alone where two must.
    """
    if by.is_player(player):
        return Verdict(False, reason="You may not: nobody acts on themselves.")
    second = act in {Act.BAN, Act.UNBAN}
    return Verdict(True, second, "It always needs a second person." if second else "")


def _rank_of(player: Player, policy: ActivePolicy) -> Rank | None:
    """What the hierarchy is judged by: of a suspended player the rank that is kept for them."""
    if player.former_rank_id is None:
        return policy.ranks.get(player.rank_id)
    found = policy.ranks.get(player.former_rank_id)
    return found or (kept_rank(player.former_rank, policy) if player.former_rank else None)


def kept_rank(former: RankRow, policy: ActivePolicy) -> Rank:
    """The rank that was kept for somebody; where the policy dropped it, the nearest one below it on
    the ladder.
    """
    held = policy.ranks.get(former.pk)
    if held is not None:
        return held
    below = [
        rank for rank in policy.bundle.ladder if rank.min_points <= hundredths(former.min_points)
    ]
    return below[-1] if below else policy.bundle.first


def check_reason(reason: str) -> str:
    """The reason without the blanks around it. Raises Refused saying what is wrong with it."""
    found = reason.strip()
    if not found:
        raise Refused("reason: it is required; say why in a sentence.")
    if len(found) > LONGEST_REASON:
        raise Refused(f"reason: it has {len(found)} characters; {LONGEST_REASON} are the most.")
    if "\0" in found:
        raise Refused("reason: it holds a NUL character; take it out.")
    return found


def check_evidence(links: Sequence[str]) -> list[str]:
    """Links to what was seen. Raises Refused naming the one that is none."""
    found = [link.strip() for link in links if link.strip()]
    if len(found) > MOST_LINKS:
        raise Refused(f"evidence: {len(found)} links; {MOST_LINKS} are the most.")
    for link in found:
        if not _is_link(link):
            raise Refused(
                f"evidence: {link[:80]!r} is not an https:// link of at most {LONGEST_LINK} characters."
            )
    return found


def check_moment(until: dt.datetime | None) -> dt.datetime | None:
    """Until when, in UTC; None stays None. Raises Refused for what no calendar or database holds."""
    if until is None:
        return None
    try:
        return in_utc(until)
    except BadMoment as error:
        raise Refused(f"until: {error}.") from None


def _is_link(link: str) -> bool:
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return (
        parts.scheme == "https"
        and bool(parts.hostname)
        and len(link) <= LONGEST_LINK
        and link.isprintable()
    )


def presets() -> dict[str, list[str]]:
    """Reasons to choose from, by act, as configured."""
    found: dict[str, list[str]] = settings.INTEGRATIONS.moderation.reasons
    return found


def locked(user_id: int) -> Player:
    """The player, locked for a change. Raises Refused when there is none."""
    player = Player.objects.select_for_update(no_key=True).filter(user_id=user_id).first()
    if player is None:
        raise Refused(f"No player has the user id {user_id}.")
    return player


@contextmanager
def telling_refusals(act: str, user_id: int | None, by: Staff) -> Iterator[None]:
    """An act that somebody may not do is told in the audit log, after its own transaction has been
    undone.

    It goes around `transaction.atomic()`. Rules that call others in a transaction of theirs have
    one around that too: only the outermost tells, since what an inner one wrote would be undone
    with the rest.
    """
    if _telling.get():
        yield
        return
    token = _telling.set(True)
    try:
        yield
    except NotAllowed:
        tell_refusal(act, user_id, by.actor)
        raise
    finally:
        _telling.reset(token)


def tell_refusal(act: str, user_id: int | None, actor: Actor) -> None:
    """Write down that somebody tried what they may not do; the reasons stay out of it."""
    with transaction.atomic():
        player = Player.objects.filter(user_id=user_id).first() if user_id is not None else None
        target = target_of(player) if player is not None else NOBODY
        record(Action.ACT_REFUSED, actor=actor, target=target, details={"act": act})


def target_of(player: Player) -> Target:
    """A player as the audit log names them when something is done to them."""
    return Target("player", str(player.pk), player.username, player.subject)


def policy_version(policy: ActivePolicy | None = None) -> str:
    return (policy or active()).bundle.version
