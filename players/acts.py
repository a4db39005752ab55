"""What every act on a player has in common: who may do it, why, who must approve it, and what came of it.

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
from django.db.models import Sum
from django.db.models.functions import Abs

from audits.actions import Action
from audits.record import NOBODY, Actor, Target, record
from common.time import BadMoment, in_utc
from players.amounts import hundredths, points
from players.models import CONSOLE, ZERO, Approval, Decision, LedgerEntry, Player, Sanction, StaffAct
from players.models import Rank as RankRow
from players.policies import ActivePolicy, active
from players.policy.bundle import Rank
from players.policy.permissions import Act, is_large, may
from players.staff import NotAllowed, Refused, Staff

ADJUSTMENT = "adjustment"  # the ledger's type of what staff add and take by hand
MOST_LINKS = 5
LONGEST_LINK = 500
LONGEST_REASON = 500

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
    """Whether an act is allowed; `second`: only with a second person, for `cause`. `reason` says why not, or why so."""

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
    spent: int | None = None,
) -> Verdict:
    """Whether `by` may do `act` to `player` now. `amount` in hundredths; `to` is the rank that a change leads to.

    The hierarchy is judged by the rank that is kept for somebody suspended. `policy`: the one in force, and `spent`:
    what `by` has adjusted today, if at hand.
    """
    if player.erased_at is not None:
        return Verdict(False, reason="The person was erased.")
    if by.alone:
        return Verdict(True)
    policy = policy or active()
    large = is_large(act, amount, policy.bundle.second_above)
    if by.rank is None:
        return _of_owner(act, player, by, large, policy)
    held = _rank_of(player, policy)
    if held is None:
        return Verdict(False, reason="The player's rank is not part of the active policy.")
    today = 0
    if act is Act.ADJUST:
        today = adjusted_today(by, now) if spent is None else spent
    found = may(
        act,
        by.rank,
        held,
        own=by.user_id == player.user_id,
        amount=amount,
        adjusted_today=today,
        to=to,
        second_above=policy.bundle.second_above,
    )
    if not found.allowed:
        return Verdict(False, reason=f"You may not: {found.reason}.")
    if large:
        return Verdict(True, True, _too_large(policy), Approval.Cause.LIMIT)
    if found.second and act is Act.ADJUST:
        limit = points(by.rank.adjust_limit or 0)
        return Verdict(True, True, f"Past your limit of {limit} points a day.", Approval.Cause.LIMIT)
    return Verdict(True, found.second, "It always needs a second person." if found.second else "")


def adjusted_today(by: Staff, now: dt.datetime) -> int:
    """What this person has moved since midnight UTC, and given as events in games, in hundredths."""
    if by.user_id is None:
        return 0
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    rows = LedgerEntry.objects.filter(
        origin=CONSOLE, type=ADJUSTMENT, actor__user_id=by.user_id, occurred_at__gte=midnight
    )
    moved = rows.aggregate(moved=Sum(Abs("awarded")))["moved"] or ZERO
    given = StaffAct.objects.filter(person=by.person, at__gte=midnight).aggregate(given=Sum("spent"))["given"] or ZERO
    return hundredths(moved + given)


def _of_owner(act: Act, player: Player, by: Staff, large: bool, policy: ActivePolicy) -> Verdict:
    """An owner without a rank: no hierarchy binds them, but they do not act on themselves, nor alone where two must."""
    if by.user_id is not None and by.user_id == player.user_id:
        return Verdict(False, reason="You may not: nobody acts on themselves.")
    if large:
        return Verdict(True, True, _too_large(policy), Approval.Cause.LIMIT)
    second = act in {Act.BAN, Act.UNBAN}
    return Verdict(True, second, "It always needs a second person." if second else "")


def _too_large(policy: ActivePolicy) -> str:
    return f"More than {points(policy.bundle.second_above):,} points at once need a second person."


def _rank_of(player: Player, policy: ActivePolicy) -> Rank | None:
    """What the hierarchy is judged by: of a suspended player the rank that is kept for them."""
    if player.former_rank_id is None:
        return policy.ranks.get(player.rank_id)
    found = policy.ranks.get(player.former_rank_id)
    return found or (kept_rank(player.former_rank, policy) if player.former_rank else None)


def kept_rank(former: RankRow, policy: ActivePolicy) -> Rank:
    """The rank that was kept for somebody; where the policy dropped it, the nearest one below it on the ladder."""
    held = policy.ranks.get(former.pk)
    if held is not None:
        return held
    below = [rank for rank in policy.bundle.ladder if rank.min_points <= hundredths(former.min_points)]
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
            raise Refused(f"evidence: {link[:80]!r} is not an https:// link of at most {LONGEST_LINK} characters.")
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
    return parts.scheme == "https" and bool(parts.hostname) and len(link) <= LONGEST_LINK and link.isprintable()


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
    """An act that somebody may not do is told in the audit log, after its own transaction has been undone.

    It goes around `transaction.atomic()`. Rules that call others in a transaction of theirs have one around that too:
    only the outermost tells, since what an inner one wrote would be undone with the rest.
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
