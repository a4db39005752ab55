"""Points: what the games' data stores hold, compared through their index and read where it differs."""

import datetime as dt
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from django.conf import settings
from django.utils import timezone

from common.amounts import points
from common.parsing import whole_number
from players.models import Player
from players.points import reconciliation
from players.points.reconciliation import StoreRead
from players.points.store_comparison import Change
from players.points.stored_entries import StoredEntry
from players.privacy import orders
from roblox import cloud
from roblox.models import Experience
from roblox.open_cloud import data_stores, users
from roblox.open_cloud.data_stores import Entry
from roblox.open_cloud.errors import OpenCloudError, RetryDecision
from syncs import drifts
from syncs.drifts import Difference
from syncs.models import Drift, SyncJob
from syncs.pull.base import Activity, Calls, Cursor, Page
from syncs.pull.entry_parser import BrokenRecord, parse

PAGE = 100  # entries between two checkpoints
SENDS_EVENTS = dt.timedelta(
    days=1
)  # a game whose key was used so lately is taken to send its events
MOST_TROUBLE = 3  # entries of a page that may fail for good before it is taken for an outage
EXCERPT = 1000  # characters of a broken entry that staff see


Answer = Entry | OpenCloudError | None


class Listed(NamedTuple):
    """One line of a listing. `value`: hundredths by the index; None where there is no index."""

    key: str
    user_id: int | None
    value: int | None


class Points(Activity):
    """Every player of the experience: by the index where there is one, the lowest first, so that
    who earns meanwhile moves to pages that are yet to come.
    """

    descending = False

    def __init__(self, job: SyncJob, calls: Calls) -> None:
        super().__init__(job, calls)
        assert job.experience is not None
        self.experience = job.experience
        self.universe = cloud.universe(job.experience, calls.going_on)
        self.patience = _patience(job.experience)

    def most(self) -> int | None:
        """How many entries are looked at; None for all."""
        return self.job.limit

    def page(self, cursor: Cursor) -> Page:
        done = int(cursor.get("done", 0))
        most = self.most()
        # A page token holds for one size only, so the last page is cut here.
        size = PAGE if most is None else min(PAGE, most)
        listed, token = self._list(cursor.get("token", ""), size)
        listed = listed if most is None else listed[: most - done]
        wanted = self._differing(listed)
        read = self._read(wanted)
        done += len(listed)
        over = not token or (most is not None and done >= most)
        page = Page(None if over else {"token": token, "done": done}, self._land)
        page.count(listed=len(listed), read=len(wanted))
        self._stored, self._broken = self._parse(wanted, read)
        self._keys = [one.key for one in listed]
        return page

    def _read(self, wanted: Sequence[Listed]) -> list[Answer]:
        """The entries, None where there is none, the error where Roblox cannot read one: that one
        is for staff.

        Raises OpenCloudError where so many fail that it is Roblox who is in trouble.
        """
        read = self.calls.gather([partial(_read_one, self.universe, one.key) for one in wanted])
        trouble = [
            one
            for one in read
            if isinstance(one, OpenCloudError) and one.decision is not RetryDecision.GIVE_UP
        ]
        if len(trouble) > MOST_TROUBLE or len(trouble) == len(read) > 0:
            raise trouble[0]
        return read

    def _list(self, token: str, size: int) -> tuple[list[Listed], str]:
        index = self.universe.index
        if index is None or self.job.full:
            call = partial(
                data_stores.list_ids, self.universe.client, self.universe.store, token, size
            )
            ids, following = self.calls.gather([call])[0]
            return [Listed(key, self.universe.user_id(key), None) for key in ids], following
        ordered = partial(
            data_stores.list_ordered,
            self.universe.client,
            index,
            token,
            descending=self.descending,
            size=size,
        )
        entries, following = self.calls.gather([ordered])[0]
        return [self._listed(entry.id, entry.whole) for entry in entries], following

    def _listed(self, name: str, value: int) -> Listed:
        """An index names players by their id or by their entry's key."""
        user_id = whole_number(name)
        if user_id is None:
            user_id = self.universe.user_id(name)
        return Listed(self.universe.key(user_id) if user_id else name, user_id, value)

    def _differing(self, listed: Sequence[Listed]) -> list[Listed]:
        known = reconciliation.known_totals(
            self.experience.key, [one.user_id for one in listed if one.user_id]
        )
        return [
            one
            for one in listed
            if one.value is None or one.user_id is None or known.get(one.user_id) != one.value
        ]

    def _parse(
        self, wanted: Sequence[Listed], read: Sequence[Answer]
    ) -> tuple[list[StoredEntry], list[Difference]]:
        stored: list[StoredEntry] = []
        broken: list[Difference] = []
        for one, entry in zip(wanted, read, strict=True):
            try:
                if one.user_id is None:
                    raise BrokenRecord(f"the key is not of the form {self.universe.key_format}")
                if isinstance(entry, OpenCloudError):
                    raise BrokenRecord(f"Roblox cannot read it: {entry}")
                if entry is None:
                    if one.value is None:
                        continue  # deleted since it was listed
                    raise BrokenRecord("the index names it, and the data store has no such entry")
                stored.append(parse(one.user_id, entry.value))
            except BrokenRecord as reason:
                excerpt = str(entry.value)[:EXCERPT] if isinstance(entry, Entry) else None
                broken.append(Difference(Drift.Aspect.ENTRY, one.key, None, excerpt, str(reason)))
        return self._named(stored), broken

    def _named(self, stored: list[StoredEntry]) -> list[StoredEntry]:
        """With the names of people who are new and whose entry does not say: Roblox is asked."""
        nameless = {one.user_id for one in stored if not one.username}
        nameless -= set(
            Player.objects.filter(user_id__in=nameless).values_list("user_id", flat=True)
        )
        asked = sorted(nameless)
        found = self.calls.gather(
            [partial(users.get, self.universe.client, user_id) for user_id in asked]
        )
        names = {
            user_id: (user.name, user.display_name)
            if user and user.name
            else (f"user_{user_id}", "")
            for user_id, user in zip(asked, found, strict=True)
        }
        return [_with_name(one, names) for one in stored]

    def _land(self, page: Page) -> None:
        now = timezone.now()
        self._leave_out_the_erased()
        if self.job.dry_run:
            found = reconciliation.compare(
                self.experience.key, self._stored, now=now, patience=self.patience
            )
        else:
            found = reconciliation.reconcile(
                self.experience.key,
                self._stored,
                StoreRead(drifts.job_actor(self.job), now, self.patience, {"job": self.job.pk}),
            )
            self._note(found.contradictions, now)
        page.count(changed=len(found.changes), waiting=found.waiting, broken=len(self._broken))
        page.lines += [_line(change) for change in found.changes]
        page.lines += [f"{one.subject}: cannot be read: {one.detail}" for one in self._broken]

    def _leave_out_the_erased(self) -> None:
        """Their entries were read before they were deleted. `reconcile` does the same with those
        that can be read.
        """
        user_ids = {one.subject: self.universe.user_id(one.subject) for one in self._broken}
        pending = orders.pending(user_id for user_id in user_ids.values() if user_id is not None)
        self._broken = [one for one in self._broken if user_ids[one.subject] not in pending]

    def _note(self, contradictions: dict[int, str], now: dt.datetime) -> None:
        differing = [
            Difference(Drift.Aspect.POINTS, str(user_id), None, None, detail)
            for user_id, detail in contradictions.items()
        ]
        drifts.note([*self._broken, *differing], experience=self.experience, job=self.job, now=now)
        still = {one.subject for one in self._broken}
        whole = [key for key in self._keys if key not in still]
        drifts.agree(Drift.Aspect.ENTRY, whole, experience=self.experience, now=now)
        agreed = [str(one.user_id) for one in self._stored if one.user_id not in contradictions]
        drifts.agree(Drift.Aspect.POINTS, agreed, experience=self.experience, now=now)


class Leaderboard(Points):
    """The best of the experience, by the index: cheap enough for every hour."""

    descending = True

    def most(self) -> int | None:
        return self.job.limit or settings.INTEGRATIONS.sync.leaderboard_entries


def _patience(experience: Experience) -> dt.timedelta:
    """How long a gap waits for its events: not at all where the game's servers send none."""
    lately = timezone.now() - SENDS_EVENTS
    if not experience.keys.filter(last_used_at__gt=lately).exists():
        return dt.timedelta(0)
    return dt.timedelta(seconds=settings.INTEGRATIONS.sync.reconcile_after_seconds)


def _read_one(universe: cloud.Universe, key: str) -> Answer:
    """One entry, or the error that is about it alone. Raises OpenCloudError for what hinders every
    call.
    """
    try:
        return data_stores.read(universe.client, universe.store, key)
    except OpenCloudError as error:
        if error.about_key or error.decision is RetryDecision.WAIT:
            raise
        return error


def _with_name(stored: StoredEntry, names: dict[int, tuple[str, str]]) -> StoredEntry:
    if stored.username:
        return stored
    username, display_name = names.get(stored.user_id, (f"user_{stored.user_id}", ""))
    return StoredEntry(
        stored.user_id,
        username,
        stored.display_name or display_name,
        stored.sessions,
        stored.through,
        stored.folded,
    )


def _line(change: Change) -> str:
    part = "beyond its sessions" if change.session < 0 else f"session {change.session}"
    return (
        f"user {change.user_id}, {part}: {points(change.before)} -> {points(change.after.total)} points"
        f" ({points(change.awarded):+} for {change.stands_for} rows that never came)"
    )
