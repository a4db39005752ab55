"""Points in the games' data stores: compare them by the index, then read the entries that differ."""

import datetime as dt
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from django.conf import settings

from common import database_clock
from common.amounts import points
from common.parsing import whole_number
from players.imports import readers
from players.imports.readers import keys
from players.models import Player
from players.points import reconciliation
from players.points.reconciliation import StoreRead
from players.points.store_comparison import StoreChange
from players.points.stored_entries import StoredEntry
from players.privacy import orders
from roblox import cloud
from roblox.models import Experience
from roblox.open_cloud import data_stores, users
from roblox.open_cloud.data_stores import DataStoreEntry
from roblox.open_cloud.errors import OpenCloudError, RetryDecision
from syncs import drift
from syncs.drift import Difference, Sighting
from syncs.models import Drift, SyncJob
from syncs.pull.base import Activity, Calls, Cursor, PulledPage
from syncs.pull.entry_parser import BrokenRecord, parse

PAGE = 100  # entries in one page
SENDS_EVENTS = dt.timedelta(days=1)  # a game whose key was used within this time sends its events
MOST_FAILURES = 3  # entries of a page that may fail; more mean an outage
EXCERPT = 1000  # characters of a broken entry that staff see


Answer = DataStoreEntry | OpenCloudError | None


class Listed(NamedTuple):
    """One line of a listing. `value`: hundredths as in the index, None without an index."""

    key: str
    user_id: int | None
    value: int | None


class Points(Activity):
    """Every player of the experience, through the index if there is one.

    The lowest points come first, so that players who earn points meanwhile move to later pages.
    """

    descending = False

    def __init__(self, job: SyncJob, calls: Calls) -> None:
        super().__init__(job, calls)
        assert job.experience is not None
        self.experience = job.experience
        self.universe = cloud.universe(job.experience, calls.going_on)
        self.patience = _patience(job.experience)

    def most(self) -> int | None:
        """Return the maximum number of entries to read. None means all."""
        return self.job.limit

    def page(self, cursor: Cursor) -> PulledPage:
        done = int(cursor.get("done", 0))
        most = self.most()
        # A page token is valid for one page size only, so the last page is cut here.
        size = PAGE if most is None else min(PAGE, most)
        listed, token = self._list(cursor.get("token", ""), size)
        listed = listed if most is None else listed[: most - done]
        wanted = self._differing(listed)
        read = self._read(wanted)
        done += len(listed)
        over = not token or (most is not None and done >= most)
        page = PulledPage(None if over else {"token": token, "done": done}, self._land)
        page.count(listed=len(listed), read=len(wanted))
        self._stored, self._broken = self._parse(wanted, read)
        self._keys = [one.key for one in listed]
        return page

    def _read(self, wanted: Sequence[Listed]) -> list[Answer]:
        """Return entries, None for missing ones, and errors for entries that Roblox cannot read.

        Raises OpenCloudError if more than MOST_FAILURES fail.
        """
        read = self.calls.gather([partial(_read_one, self.universe, one.key) for one in wanted])
        failed = [
            one
            for one in read
            if isinstance(one, OpenCloudError) and one.decision is not RetryDecision.GIVE_UP
        ]
        if len(failed) > MOST_FAILURES or len(failed) == len(read) > 0:
            raise failed[0]
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
        """Parse an index line, which names a player by user id or by the entry's key."""
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
                    raise BrokenRecord(_key_problem(one.key, entry, self.universe.key_format))
                if isinstance(entry, OpenCloudError):
                    raise BrokenRecord(f"Roblox cannot read it: {entry}")
                if entry is None:
                    if one.value is None:
                        continue  # deleted after it was listed
                    raise BrokenRecord("the index names it, and the data store has no such entry")
                stored.append(parse(one.user_id, entry.value))
            except BrokenRecord as reason:
                excerpt = str(entry.value)[:EXCERPT] if isinstance(entry, DataStoreEntry) else None
                broken.append(Difference(Drift.Aspect.ENTRY, one.key, None, excerpt, str(reason)))
        return self._named(stored), broken

    def _named(self, stored: list[StoredEntry]) -> list[StoredEntry]:
        """Add names from Roblox to new players whose entry has none."""
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

    def _land(self, page: PulledPage) -> None:
        now = database_clock.now()
        self._drop_erased()
        if self.job.dry_run:
            found = reconciliation.compare(
                self.experience.key, self._stored, now=now, patience=self.patience
            )
        else:
            found = reconciliation.reconcile(
                self.experience.key,
                self._stored,
                StoreRead(drift.job_actor(self.job), now, self.patience, {"job": self.job.pk}),
            )
            self._register_drift(found.contradictions, now)
        page.count(changed=len(found.changes), waiting=found.waiting, broken=len(self._broken))
        page.lines += [_line(change) for change in found.changes]
        page.lines += [f"{one.subject}: cannot be read: {one.detail}" for one in self._broken]

    def _drop_erased(self) -> None:
        """Drop broken entries of users who will be erased. `reconcile` drops the readable ones."""
        user_ids = {one.subject: self.universe.user_id(one.subject) for one in self._broken}
        pending = orders.pending(user_id for user_id in user_ids.values() if user_id is not None)
        self._broken = [one for one in self._broken if user_ids[one.subject] not in pending]

    def _register_drift(self, contradictions: dict[int, str], now: dt.datetime) -> None:
        differing = [
            Difference(Drift.Aspect.POINTS, str(user_id), None, None, detail)
            for user_id, detail in contradictions.items()
        ]
        sighting = Sighting(now, self.experience, self.job)
        drift.register([*self._broken, *differing], sighting)
        still = {one.subject for one in self._broken}
        whole = [key for key in self._keys if key not in still]
        drift.agree(Drift.Aspect.ENTRY, whole, sighting)
        agreed = [str(one.user_id) for one in self._stored if one.user_id not in contradictions]
        drift.agree(Drift.Aspect.POINTS, agreed, sighting)


class Leaderboard(Points):
    """The players with the most points by the index. It is cheap enough to run every hour."""

    descending = True

    def most(self) -> int | None:
        return self.job.limit or settings.INTEGRATIONS.sync.leaderboard_entries


def _patience(experience: Experience) -> dt.timedelta:
    """Return how long a gap waits for its events: zero if the game sends no events."""
    lately = database_clock.now() - SENDS_EVENTS
    if not experience.keys.filter(last_used_at__gt=lately).exists():
        return dt.timedelta(0)
    return dt.timedelta(seconds=settings.INTEGRATIONS.sync.reconcile_after_seconds)


def _key_problem(key: str, entry: Answer, form: str) -> str:
    """Say what is wrong with a key, what form it has instead, and what the entry was taken for."""
    usual = keys.usual_form(key)
    hint = f"; it has the form {usual}" if usual else ""
    taken = (
        f"; taken for {readers.described(entry.value)}" if isinstance(entry, DataStoreEntry) else ""
    )
    return f"the key is not of the form {form}{hint}{taken}"


def _read_one(universe: cloud.Universe, key: str) -> Answer:
    """Return an entry, or an error that concerns this entry only. Other errors are raised.

    Raises OpenCloudError if every further call would fail too.
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


def _line(change: StoreChange) -> str:
    part = "beyond its sessions" if change.session < 0 else f"session {change.session}"
    return (
        f"user {change.user_id}, {part}: {points(change.before)} -> {points(change.after.total)}"
        f" points ({points(change.awarded):+} for {change.stands_for} rows that never came)"
    )
