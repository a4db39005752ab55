"""Read a data store page by page into the rows of an import."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from common.tracing import TracedThreads
from players.imports import readers
from players.imports.readers import Fields, Unreadable
from players.imports.readers.keys import USER, user_of
from players.imports.values import ParsedRow
from players.models import Import
from roblox import cloud
from roblox.models import Experience
from roblox.open_cloud import data_stores
from roblox.open_cloud.client import OpenCloud
from roblox.open_cloud.data_stores import DataStoreEntry, Store
from roblox.open_cloud.errors import OpenCloudError, RetryDecision

PAGE = 25  # entries that are read one by one, within the time of a lease at the slowest pace
READERS = 8  # calls at the same time
TRIES = 3  # of a page, before an entry that Roblox cannot give becomes a row with its error


type _Entry = DataStoreEntry | OpenCloudError | None


class Page(NamedTuple):
    """Rows of a page, and the cursor of the next page, None after the last one."""

    rows: list[ParsedRow]
    cursor: dict[str, Any] | None


class _Read(NamedTuple):
    """The key of an entry, its value, and the users that its metadata names."""

    key: str
    value: Any
    users: Sequence[str] = ()
    error: str = ""


def read_page(job: Import) -> Page:
    """Read the next page of a data store. Raises OpenCloudError, NotConfigured."""
    universe = cloud.universe(Experience.objects.get(key=job.experience))
    read = {
        Import.Source.ORDERED: _ordered,
        Import.Source.DATASTORE2: _datastore2,
    }.get(Import.Source(job.source), _standard)
    found, token = read(universe, job)
    first = job.rows + 1
    rows = [_row(line, one, job) for line, one in enumerate(found, first)]
    return Page(rows, {"token": token} if token else None)


def _standard(universe: cloud.Universe, job: Import) -> tuple[list[_Read], str]:
    store = Store(universe.id, job.options["store"], job.options.get("scope", "global"))
    keys, token = data_stores.list_ids(universe.client, store, _token(job), PAGE)
    entries = _gather(job, [partial(data_stores.read, universe.client, store, key) for key in keys])
    return _read_all(keys, entries), token


def _ordered(universe: cloud.Universe, job: Import) -> tuple[list[_Read], str]:
    store = Store(universe.id, job.options["store"], job.options.get("scope", "global"))
    found, token = data_stores.list_ordered(universe.client, store, _token(job))
    divisor = job.options.get("divisor", 1)
    return [_Read(one.id, one.whole / divisor) for one in found], token


def _datastore2(universe: cloud.Universe, job: Import) -> tuple[list[_Read], str]:
    """Read the newest backup of each user: DataStore2 keeps a data store for each."""
    prefix = f"{job.options['store']}/"
    names, token = data_stores.list_stores(universe.client, universe.id, prefix, _token(job), PAGE)
    entries = _gather(
        job, [partial(_newest_backup, universe.client, Store(universe.id, name)) for name in names]
    )
    return _read_all([name.removeprefix(prefix) for name in names], entries), token


def _newest_backup(client: OpenCloud, store: Store) -> DataStoreEntry | None:
    """Return the entry that the user's ordered store names as the newest."""
    newest, _ = data_stores.list_ordered(client, store, size=1)
    return data_stores.read(client, store, str(newest[0].whole)) if newest else None


def _read_all(keys: Sequence[str], entries: Sequence[_Entry]) -> list[_Read]:
    """Pair keys with what was read for them, without keys that have no entry any more."""
    found = []
    for key, entry in zip(keys, entries, strict=True):
        if isinstance(entry, OpenCloudError):
            found.append(_Read(key, None, error=str(entry)))
        elif entry is not None:
            found.append(_Read(key, entry.value, entry.users))
    return found


def _row(line: int, one: _Read, job: Import) -> ParsedRow:
    row = ParsedRow(line, given=one.key[:100], error=one.error)
    if one.error:
        return row
    options = job.options
    row.user_id = user_of(one.key, options.get("keyForm", USER), one.users)
    if row.user_id is None:
        row.error = (
            f"key: {one.key[:60]!r} has not the form {options.get('keyForm', USER)}, nor a usual one;"
            " give the form of the keys"
        )
        return row
    fields = Fields(**options.get("fields", {}))
    try:
        found = readers.read(one.value, options.get("reader", readers.AUTO), fields)
    except Unreadable as error:
        row.error = str(error)
        return row
    row.username, row.points = found.username, found.points
    row.kos, row.wos = found.kos or None, found.wos or None
    return row


def _token(job: Import) -> str:
    return str(job.cursor.get("token", ""))


def _gather(job: Import, calls: Sequence[Callable[[], DataStoreEntry | None]]) -> list[_Entry]:
    """Make the calls at the same time; they do not use the database.

    An entry that Roblox cannot give is its error. Raises OpenCloudError if the key or a limit is
    at fault, or if another try may help.
    """
    last_try = job.attempts + 1 >= TRIES

    def entry(call: Callable[[], DataStoreEntry | None]) -> _Entry:
        try:
            return call()
        except OpenCloudError as error:
            if error.about_key or not ((last_try and error.unreadable) or _is_final(error)):
                raise
            return error

    with TracedThreads(READERS) as threads:
        return list(threads.map(entry, calls))


def _is_final(error: OpenCloudError) -> bool:
    return error.decision is RetryDecision.GIVE_UP
