"""Data stores, standard (v2) and ordered (v2)."""

from typing import Any, NamedTuple

import msgspec

from roblox.open_cloud.client import OpenCloud, Request
from roblox.open_cloud.errors import OpenCloudError
from roblox.open_cloud.operations import (
    DELETE_ENTRY,
    DELETE_ORDERED,
    GET_ENTRY,
    LIST_ENTRIES,
    LIST_ORDERED,
    LIST_STORES,
    PUT_ENTRY,
    PUT_ORDERED,
    Operation,
)

PAGE = 256  # ids of a standard store at once
ORDERED_PAGE = 100  # ids with values of an ordered one


class Store(NamedTuple):
    """A data store of a universe, at one scope."""

    universe: int
    name: str
    scope: str = "global"

    @property
    def parts(self) -> dict[str, str | int]:
        return {"universe": self.universe, "store": self.name, "scope": self.scope}


class DataStoreEntry(msgspec.Struct, frozen=True, rename="camel"):
    """An entry as read. `value` is any JSON that the game stored; `users` are like `users/123`."""

    id: str = ""
    value: Any = None
    etag: str = ""
    state: str = "ACTIVE"
    revision_id: str = ""
    revision_create_time: str = ""
    users: list[str] = []
    attributes: Any = None


class Write(NamedTuple):
    """A value to write. `over` is the entry that was read, whose users and attributes stay."""

    key: str
    value: Any
    user_id: int
    over: DataStoreEntry | None = None


class _Id(msgspec.Struct, frozen=True):
    id: str


class _Ids(msgspec.Struct, frozen=True, rename="camel"):
    data_store_entries: list[_Id] = []
    next_page_token: str = ""


class _Stores(msgspec.Struct, frozen=True, rename="camel"):
    data_stores: list[_Id] = []
    next_page_token: str = ""


class OrderedEntry(msgspec.Struct, frozen=True):
    """An id and its whole number."""

    id: str
    value: float

    @property
    def whole(self) -> int:
        return int(self.value)


class _Ordered(msgspec.Struct, frozen=True, rename="camel"):
    ordered_data_store_entries: list[OrderedEntry] = []
    next_page_token: str = ""


class Nothing(msgspec.Struct, frozen=True):
    """An answer whose content is not used."""


def list_stores(
    client: OpenCloud, universe: int, prefix: str, token: str = "", size: int = 100
) -> tuple[list[str], str]:
    """Return names of data stores that begin with `prefix`, and the next page's token."""
    query: dict[str, str | int] = {"maxPageSize": size, "filter": f'id.startsWith("{prefix}")'}
    if token:
        query["pageToken"] = token
    page = client.call(Request(LIST_STORES, {"universe": universe}, query=query), _Stores)
    return [store.id for store in page.data_stores], page.next_page_token


def list_ids(
    client: OpenCloud, store: Store, token: str = "", size: int = PAGE
) -> tuple[list[str], str]:
    """Return a page of ids and the next page's token, "" on the last. The listing may lag."""
    query: dict[str, str | int] = {"maxPageSize": min(size, PAGE)} | (
        {"pageToken": token} if token else {}
    )
    page = client.call(Request(LIST_ENTRIES, store.parts, query=query), _Ids)
    return [entry.id for entry in page.data_store_entries], page.next_page_token


def read(client: OpenCloud, store: Store, entry: str) -> DataStoreEntry | None:
    """Return an entry, None if there is none."""
    try:
        # Roblox takes what follows an `@` in an id for a revision.
        name = f"{entry}@latest" if "@" in entry else entry
        found = client.call(Request(GET_ENTRY, {**store.parts, "entry": name}), DataStoreEntry)
    except OpenCloudError as error:
        if error.missing:
            return None
        raise
    return None if found.state == "DELETED" else found


def write(client: OpenCloud, store: Store, write: Write) -> DataStoreEntry:
    """Write a value over the entry that was read.

    Raises OpenCloudError with `conflict` if somebody else wrote since.
    """
    over = write.over
    body: dict[str, Any] = {
        "value": write.value,
        "users": over.users if over and over.users else [f"users/{write.user_id}"],
    }
    if over is not None:
        body |= {"etag": over.etag} | ({"attributes": over.attributes} if over.attributes else {})
    query = {"allowMissing": "false" if over else "true"}
    parts = {**store.parts, "entry": write.key}
    return client.call(Request(PUT_ENTRY, parts, query=query, body=body), DataStoreEntry)


def remove(client: OpenCloud, store: Store, entry: str) -> bool:
    """Delete an entry. Returns False if there was none."""
    return _remove(client, DELETE_ENTRY, store, entry)


def remove_ordered(client: OpenCloud, store: Store, entry: str) -> bool:
    """Delete an id of an ordered store for good. Returns False if there was none."""
    return _remove(client, DELETE_ORDERED, store, entry)


def _remove(client: OpenCloud, operation: Operation, store: Store, entry: str) -> bool:
    try:
        client.call(Request(operation, {**store.parts, "entry": entry}), Nothing)
    except OpenCloudError as error:
        if error.missing:
            return False
        raise
    return True


def list_ordered(
    client: OpenCloud,
    store: Store,
    token: str = "",
    *,
    descending: bool = True,
    size: int = ORDERED_PAGE,
) -> tuple[list[OrderedEntry], str]:
    """Return a page of an ordered store and the next page's token, "" on the last."""
    query: dict[str, str | int] = {"maxPageSize": min(size, ORDERED_PAGE)}
    if descending:
        query["orderBy"] = "value desc"
    if token:
        query["pageToken"] = token
    page = client.call(Request(LIST_ORDERED, store.parts, query=query), _Ordered)
    return page.ordered_data_store_entries, page.next_page_token


def write_ordered(client: OpenCloud, store: Store, entry: str, value: int) -> None:
    """Set the whole number of an id, which is created if missing."""
    parts = {**store.parts, "entry": entry}
    client.call(
        Request(PUT_ORDERED, parts, query={"allowMissing": "true"}, body={"value": value}), Nothing
    )
