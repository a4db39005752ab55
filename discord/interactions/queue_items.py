"""The items of the queue that the staff channel shows: what waits for somebody's decision."""

import datetime as dt
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from django.db.models import QuerySet

from common import database_clock
from common.visible_text import isolated
from discord.interactions import addresses
from discord.interactions.answers import SeePage
from players.actions.registry import BY_NAME
from players.active_policy import active
from players.bulk.row_executor import BULK_JOBS
from players.leave import decisions as leave_decisions
from players.leave.queries import WAITING
from players.mass_adjustments.lifecycle import ADJUSTMENTS
from players.models import Approval, Decision, Leave, Player
from players.moderation import approvals
from players.moderation.actors import Staff
from players.moderation.authorization import Circumstances, permission_for
from players.moderation.command import Command
from players.policy.bundle import RankRule
from players.policy.join_requests import JoinDecision
from players.policy.permissions import Act
from players.ranks import decisions
from syncs.join_requests import decisions as join_decisions
from syncs.models import JoinRequest

CONSOLE = "This needs a fresh sign-in; decide it in the console."
MOST = 50  # open messages of one kind, the oldest items first


@dataclass(frozen=True, slots=True)
class Item:
    """One item. `here`: whether a button may decide it. `outcome`: "" while it waits."""

    title: str
    reason: str
    since: dt.datetime
    page: str
    player_id: int | None
    here: bool
    outcome: str


class ItemKind(ABC):
    """A kind of item. `approve` and `reject` check everything under their locks."""

    name: ClassVar[str]

    @abstractmethod
    def waiting(self) -> list[int]:
        """Return the ids of the oldest waiting items, at most MOST."""

    @abstractmethod
    def still_waiting(self, keys: list[int]) -> set[int]:
        """Return those of these items that wait."""

    @abstractmethod
    def item(self, key: int) -> Item | None:
        """Return an item, None if it does not exist."""

    @abstractmethod
    def why_not(self, key: int, by: Staff, now: dt.datetime) -> str:
        """Return why a person may not decide on an item, or ""."""

    @abstractmethod
    def decide(self, key: int, verb: str, command: Command) -> None:
        """Decide by `verb` (approve or reject). Raises Refused, NotAllowed."""


class Requests(ItemKind):
    """Acts that wait for a second person. Those on many players stay in the console."""

    name = "requests"

    def waiting(self) -> list[int]:
        rows = Approval.objects.filter(status=Approval.Status.WAITING)
        several = (ADJUSTMENTS.approval, BULK_JOBS.approval)
        return list(
            rows.exclude(act__in=several).order_by("pk").values_list("pk", flat=True)[:MOST]
        )

    def still_waiting(self, keys: list[int]) -> set[int]:
        rows = Approval.objects.filter(pk__in=keys, status=Approval.Status.WAITING)
        return set(rows.values_list("pk", flat=True))

    def item(self, key: int) -> Item | None:
        row = Approval.objects.select_related("player").filter(pk=key).first()
        if row is None:
            return None
        return Item(
            title=approvals.sentence(row),
            reason=row.reason,
            since=row.created_at,
            page=addresses.page("console:approval", row.pk),
            player_id=row.player_id,
            here=_is_for_discord(row.act),
            outcome=""
            if row.status == Approval.Status.WAITING
            else _outcome(row.status, row.decided_by.removeprefix("player:"), row.decide_reason),
        )

    def why_not(self, key: int, by: Staff, now: dt.datetime) -> str:
        row = Approval.objects.select_related("player", "requester").filter(pk=key).first()
        return approvals.may_decide(row, by) if row else "It does not exist any more."

    def decide(self, key: int, verb: str, command: Command) -> None:
        act = Approval.objects.filter(pk=key).values_list("act", flat=True).first()
        if act is not None and not _is_for_discord(act):
            raise SeePage(CONSOLE, addresses.page("console:approval", key))
        done = approvals.approve if verb == "approve" else approvals.reject
        done(key, by=command.by, reason=command.reason, now=command.now)


class Ranks(ItemKind):
    """Proposed changes of rank. Those from or to a rank with powers stay in the console."""

    name = "decisions"

    def waiting(self) -> list[int]:
        rows = Decision.objects.filter(status=Decision.Status.PROPOSED).order_by("pk")
        return list(rows.values_list("pk", flat=True)[:MOST])

    def still_waiting(self, keys: list[int]) -> set[int]:
        rows = Decision.objects.filter(pk__in=keys, status=Decision.Status.PROPOSED)
        return set(rows.values_list("pk", flat=True))

    def item(self, key: int) -> Item | None:
        row = _decision(key)
        if row is None:
            return None
        why = row.reason or f"with {row.inputs.get('points', 0)} points"
        return Item(
            title=f"{isolated(row.player.username)}: {row.from_rank} to {row.to_rank}",
            reason=f"{row.get_kind_display()}, {why}",
            since=row.created_at,
            page=addresses.page("console:decision", row.pk),
            player_id=row.player_id,
            here=not _has_powers(row),
            outcome=""
            if row.status == Decision.Status.PROPOSED
            else _outcome(row.status, row.decided_by.removeprefix("staff:"), row.reason),
        )

    def why_not(self, key: int, by: Staff, now: dt.datetime) -> str:
        row = _decision(key)
        if row is None:
            return "It does not exist any more."
        found = decisions.may_decide(row, by, active(), now)
        return "" if found.allowed else found.reason

    def decide(self, key: int, verb: str, command: Command) -> None:
        row = _decision(key)
        if row is not None and _has_powers(row):
            raise SeePage(CONSOLE, addresses.page("console:decision", key))
        done = decisions.approve if verb == "approve" else decisions.reject
        done(key, by=command.by, reason=command.reason, now=command.now)


class Leaves(ItemKind):
    """Leaves of absence that members ask for, or want to extend."""

    name = "leaves"

    def waiting(self) -> list[int]:
        rows = Leave.objects.filter(WAITING, player__erased_at=None).order_by("pk")
        return list(rows.values_list("pk", flat=True)[:MOST])

    def still_waiting(self, keys: list[int]) -> set[int]:
        rows = Leave.objects.filter(WAITING, pk__in=keys, player__erased_at=None)
        return set(rows.values_list("pk", flat=True))

    def item(self, key: int) -> Item | None:
        row = Leave.objects.select_related("player").filter(pk=key).first()
        if row is None:
            return None
        waits = bool(self.still_waiting([key]))
        name = isolated(row.player.username)
        return Item(
            title=f"{name}: leave from {row.first_day} to {row.extension_to or row.last_day}",
            reason=row.extension_reason or row.reason,
            since=row.created_at,
            page=addresses.page("console:home"),
            player_id=row.player_id,
            here=True,
            outcome="" if waits else _outcome_of_leave(row),
        )

    def why_not(self, key: int, by: Staff, now: dt.datetime) -> str:
        row = Leave.objects.select_related("player").filter(pk=key).first()
        if row is None:
            return "It does not exist any more."
        found = permission_for(Act.LEAVE, row.player, by, Circumstances(now))
        return "" if found.allowed else found.reason

    def decide(self, key: int, verb: str, command: Command) -> None:
        done = leave_decisions.approve if verb == "approve" else leave_decisions.turn_down
        done(key, command)


class JoinRequests(ItemKind):
    """Requests to join the group. They are decided in the console, with a fresh sign-in."""

    name = "joins"

    def waiting(self) -> list[int]:
        rows = self._open().order_by("pk")
        return list(rows.values_list("pk", flat=True)[:MOST])

    def still_waiting(self, keys: list[int]) -> set[int]:
        return set(self._open().filter(pk__in=keys).values_list("pk", flat=True))

    def item(self, key: int) -> Item | None:
        row = JoinRequest.objects.filter(pk=key).first()
        if row is None:
            return None
        known = Player.objects.filter(user_id=row.user_id).values_list("pk", flat=True)
        said = join_decisions.verdict(row, database_clock.now())
        return Item(
            title=f"{isolated(str(row))} ({row.user_id}) asks to join the group",
            reason=f"By the policy's rule: {said.reason}" if said.reason else "",
            since=row.asked_at,
            page=addresses.page("console:join-requests"),
            player_id=known.first(),
            here=False,
            outcome=_outcome_of_joining(row),
        )

    def why_not(self, key: int, by: Staff, now: dt.datetime) -> str:
        return CONSOLE

    def decide(self, key: int, verb: str, command: Command) -> None:
        raise SeePage(CONSOLE, addresses.page("console:join-requests"))

    def _open(self) -> QuerySet[JoinRequest]:
        return JoinRequest.objects.filter(gone_at=None, decision="")


KINDS: dict[str, ItemKind] = {
    kind.name: kind for kind in (Requests(), Ranks(), Leaves(), JoinRequests())
}


def _is_for_discord(act: str) -> bool:
    """Return whether an act on a player needs no fresh sign-in."""
    action = BY_NAME.get(act)
    return action is not None and not action.fresh_sign_in


def _decision(key: int) -> Decision | None:
    rows = Decision.objects.select_related("player", "from_rank", "to_rank")
    return rows.filter(pk=key).first()


def _has_powers(row: Decision) -> bool:
    """Return whether the present or the proposed rank may act on others."""
    ranks = active().ranks
    return any(_acts(ranks.get(pk)) for pk in (row.from_rank_id, row.to_rank_id))


def _acts(rank: RankRule | None) -> bool:
    return rank is None or rank.privileged or rank.can_warn or rank.can_adjust or rank.can_ban


def _outcome_of_leave(row: Leave) -> str:
    who = _name(row.decided_by.removeprefix("player:"))
    decided = f"Decided by {who}: {row.answer}\n" if who else ""
    return f"{decided}It is {row.get_status_display()}, until {row.last_day}."


def _outcome_of_joining(row: JoinRequest) -> str:
    if row.decision:
        decided = "Accepted" if row.decision == JoinDecision.ACCEPT else "Declined"
        return f"{decided}: {row.reason}"
    return "It is not open any more." if row.gone_at is not None else ""


def _outcome(status: str, player_id: str, reason: str) -> str:
    """`player_id`: our id of the player who decided; any other text is left out."""
    who = _name(player_id)
    return f"{status.capitalize()}{f' by {who}' if who else ''}{f': {reason}' if reason else '.'}"


def _name(player_id: str) -> str:
    """Return the username of one of our ids, "" for any other text."""
    if not player_id.isdecimal():
        return ""
    rows = Player.objects.filter(pk=int(player_id))
    return rows.values_list("username", flat=True).first() or ""
