"""The pull of restrictions: compare the bans of an experience with ours."""

import datetime as dt
from collections.abc import Sequence
from functools import partial
from typing import Any

from common import database_clock
from players.case_codes import hidden
from players.models import Player, Sanction
from players.privacy import orders
from roblox import cloud
from roblox.open_cloud import restrictions
from roblox.open_cloud.restrictions import LogLine, Restriction
from syncs import drift
from syncs.drift import Difference, Sighting
from syncs.models import Drift, Mirror, SyncJob
from syncs.pull.base import Activity, Calls, Cursor, PulledPage

CLOSE = dt.timedelta(minutes=2)  # Roblox counts from the time when it received the ban
OURS = 50  # of our own bans in one page


class Restrictions(Activity):
    """Pull every user who was ever restricted in the experience, then compare our own bans."""

    def __init__(self, job: SyncJob, calls: Calls) -> None:
        super().__init__(job, calls)
        assert job.experience is not None
        self.experience = job.experience
        self.universe = cloud.universe(job.experience, calls.going_on)

    def page(self, cursor: Cursor) -> PulledPage:
        if cursor.get("phase") == "ours":
            return self._ours(int(cursor["after"]))
        call = partial(
            restrictions.page, self.universe.client, self.universe.id, cursor.get("token", "")
        )
        found, token = self.calls.gather([call])[0]
        done = int(cursor.get("done", 0)) + len(found)
        following: Cursor | None = (
            {"token": token, "done": done} if token else {"phase": "ours", "after": 0}
        )
        if self.job.limit is not None and done >= self.job.limit:
            following = None
        return self._compared(found, following)

    def _ours(self, after: int) -> PulledPage:
        bans = Sanction.objects.filter(
            kind=Sanction.Kind.BAN, lifted_at=None, pk__gt=after, player__erased_at=None
        )
        rows = list(bans.order_by("pk").values_list("pk", "player__user_id")[:OURS])
        found = self.calls.gather(
            [
                partial(restrictions.get, self.universe.client, self.universe.id, user_id)
                for _, user_id in rows
            ]
        )
        over = len(rows) < OURS
        return self._compared(
            found, None if over else {"phase": "ours", "after": rows[-1][0]}, last=over
        )

    def _compared(
        self, found: Sequence[Restriction], following: Cursor | None, *, last: bool = False
    ) -> PulledPage:
        theirs = {one.user_id: one for one in found}
        differing, self._agreed = self._differing(theirs)
        lines = self.calls.gather(
            [
                partial(restrictions.logs, self.universe.client, self.universe.id, int(one.subject))
                for one in differing
            ]
        )
        self._differences = [
            _with_log(one, line) for one, line in zip(differing, lines, strict=True)
        ]
        self._last = last
        page = PulledPage(following, self._land)
        page.count(listed=len(found), differing=len(differing))
        page.lines += [f"user {one.subject}: {one.detail}" for one in self._differences]
        return page

    def _differing(self, theirs: dict[int, Restriction]) -> tuple[list[Difference], list[str]]:
        players = {one.user_id: one for one in Player.objects.filter(user_id__in=theirs)}
        bans = {
            ban.player_id: ban
            for ban in Sanction.objects.filter(
                player__in=players.values(), kind=Sanction.Kind.BAN, lifted_at=None
            )
        }
        # A mirror that waits to be pushed is no difference.
        waiting = set(
            Mirror.objects.filter(
                aspect=Mirror.Aspect.RESTRICTION,
                experience=self.experience,
                player__in=players.values(),
                status=Mirror.Status.PENDING,
            ).values_list("player_id", flat=True)
        )
        differing, agreed = [], []
        for user_id, restriction in theirs.items():
            player = players.get(user_id)
            ban = bans.get(player.pk) if player else None
            if player is not None and player.pk in waiting:
                continue
            if _same(restriction, ban, database_clock.now()):
                agreed.append(str(user_id))
            else:
                differing.append(_difference(restriction, player, ban))
        return differing, agreed

    def _land(self, page: PulledPage) -> None:
        if self.job.dry_run:
            return
        now = database_clock.now()
        # A restriction stays on Roblox after a person was erased. It is no difference then.
        gone = orders.erased(int(one.subject) for one in self._differences if one.player_id is None)
        self._differences = [
            one for one in self._differences if one.player_id or int(one.subject) not in gone
        ]
        sighting = Sighting(now, self.experience, self.job)
        page.count(new=drift.register(self._differences, sighting))
        drift.agree(Drift.Aspect.RESTRICTION, self._agreed, sighting)
        if self._last:
            drift.agree_unseen(Drift.Aspect.RESTRICTION, sighting)


def _same(theirs: Restriction, ours: Sanction | None, now: dt.datetime) -> bool:
    until = theirs.until
    active = theirs.active and (until is None or until > now)
    if not active or ours is None:
        return active == (ours is not None)
    if until is None or ours.ends_at is None:
        return until is None and ours.ends_at is None
    return abs(until - ours.ends_at) < CLOSE


def _difference(theirs: Restriction, player: Player | None, ours: Sanction | None) -> Difference:
    return Difference(
        Drift.Aspect.RESTRICTION,
        str(theirs.user_id),
        {"active": ours is not None, "until": _text(ours.ends_at if ours else None)},
        {
            "active": theirs.active,
            "until": _text(theirs.until),
            "altAccounts": theirs.alt_accounts,
            "displayReason": hidden(theirs.display_reason)[:400],
            "privateReason": theirs.private_reason[:1000],
        },
        player_id=player.pk if player else None,
    )


def _with_log(difference: Difference, lines: Sequence[LogLine]) -> Difference:
    theirs: dict[str, Any] = dict(difference.theirs)
    by = "by hand"
    if lines:
        last = max(lines, key=lambda line: line.at)
        by = f"by user {last.moderator}" if last.moderator else "by a game server"
        theirs |= {"by": last.moderator or "game server", "at": last.at}
    there = "banned" if theirs["active"] else "not banned"
    here = "banned" if difference.ours["active"] else "not banned"
    both = theirs["active"] and difference.ours["active"]
    what = (
        "banned on both sides, until different moments" if both else f"{here} here, {there} there"
    )
    return Difference(
        difference.aspect,
        difference.subject,
        difference.ours,
        theirs,
        f"{what} ({by})",
        difference.player_id,
    )


def _text(moment: dt.datetime | None) -> str | None:
    return moment.astimezone(dt.UTC).isoformat() if moment else None
