"""Data stores, standard (v2) and ordered (v2)."""

from typing import Any, NamedTuple

import msgspec

from roblox.open_cloud.client import OpenCloud
from roblox.open_cloud.errors import OpenCloudError
from roblox.open_cloud.operations import (
    DELETE_ENTRY,
    DELETE_ORDERED,
    GET_ENTRY,
    LIST_ENTRIES,
    LIST_ORDERED,
    PUT_ENTRY,
    PUT_ORDERED,
    Operation,
)

PAGE = 256  # ids of a standard store at once
ORDERED_PAGE = 100  # ids with values of an ordered one


class Store(NamedTuple):
    """A data store of a universe; entries live below a scope."""

    universe: int
    name: str
    scope: str = "global"

    @property
    def parts(self) -> dict[str, str | int]:
        return {"universe": self.universe, "store": self.name, "scope": self.scope}


class Entry(msgspec.Struct, frozen=True, rename="camel"):
    """An entry as read. `value` is whatever JSON the game stored; `users` as `users/123`."""

    id: str = ""
    value: Any = None
    etag: str = ""
    state: str = "ACTIVE"
    revision_id: str = ""
    revision_create_time: str = ""
    users: list[str] = []
    attributes: Any = None


class _Id(msgspec.Struct, frozen=True):
    id: str


class _Ids(msgspec.Struct, frozen=True, rename="camel"):
    data_store_entries: list[_Id] = []
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
    """An answer of which nothing is needed."""


def list_ids(
    client: OpenCloud, store: Store, token: str = "", size: int = PAGE
) -> tuple[list[str], str]:
    """A page of ids, and the token of the next one, empty on the last. Listing may lag behind
    writing.
    """
    query: dict[str, str | int] = {"maxPageSize": min(size, PAGE)} | (
        {"pageToken": token} if token else {}
    )
    page = client.call(LIST_ENTRIES, _Ids, parts=store.parts, query=query)
    return [entry.id for entry in page.data_store_entries], page.next_page_token


def read(client: OpenCloud, store: Store, entry: str) -> Entry | None:
    """One entry; None when there is none."""
    try:
        # An id that holds `@` would else be taken for one with a revision.
        name = f"{entry}@latest" if "@" in entry else entry
        found = client.call(GET_ENTRY, Entry, parts={**store.parts, "entry": name})
    except OpenCloudError as error:
        if error.missing:
            return None
        raise
    return None if found.state == "DELETED" else found


def write(
    client: OpenCloud, store: Store, entry: str, value: Any, *, over: Entry | None, user_id: int
) -> Entry:
    """Write a value over the one that was read (`over`; None: there was none). Users and attributes
    stay.

    Raises OpenCloudError with `conflict` when somebody wrote meanwhile.
    """
    body: dict[str, Any] = {
        "value": value,
        "users": over.users if over and over.users else [f"users/{user_id}"],
    }
    if over is not None:
        body |= {"etag": over.etag} | ({"attributes": over.attributes} if over.attributes else {})
    query = {"allowMissing": "false" if over else "true"}
    return client.call(
        PUT_ENTRY, Entry, parts={**store.parts, "entry": entry}, query=query, body=body
    )


def remove(client: OpenCloud, store: Store, entry: str) -> bool:
    """Delete an entry; False when there was none."""
    return _remove(client, DELETE_ENTRY, store, entry)


def remove_ordered(client: OpenCloud, store: Store, entry: str) -> bool:
    """Delete an id of an ordered store, at once and for ever; False when there was none."""
    return _remove(client, DELETE_ORDERED, store, entry)


def _remove(client: OpenCloud, operation: Operation, store: Store, entry: str) -> bool:
    try:
        client.call(operation, Nothing, parts={**store.parts, "entry": entry})
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
    """A page of an ordered store with its values, and the token of the next page, empty on the
    last.
    """
    query: dict[str, str | int] = {"maxPageSize": min(size, ORDERED_PAGE)}
    if descending:
        query["orderBy"] = "value desc"
    if token:
        query["pageToken"] = token
    page = client.call(LIST_ORDERED, _Ordered, parts=store.parts, query=query)
    return page.ordered_data_store_entries, page.next_page_token


def write_ordered(client: OpenCloud, store: Store, entry: str, value: int) -> None:
    """Set the whole number of an id, making it if need be."""
    parts = {**store.parts, "entry": entry}
    client.call(
        PUT_ORDERED, Nothing, parts=parts, query={"allowMissing": "true"}, body={"value": value}
    )
