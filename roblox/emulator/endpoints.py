"""The endpoints of Open Cloud that the emulator has: paths, scopes and limits."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from werkzeug import Response
from werkzeug.routing import BaseConverter, Map, Rule

from roblox.emulator import (
    api_keys,
    data_stores,
    data_stores_v1,
    group_log,
    groups,
    join_requests,
    memberships,
    messaging,
    ordered,
    queues,
    restrictions,
    thumbnails,
    users,
)
from roblox.emulator.calls import Call
from roblox.emulator.errors import Shape

_NUMBERS = ("universe", "place", "user", "role")


@dataclass(frozen=True)
class Endpoint:
    """One endpoint of Open Cloud. Parts of `pattern` in brackets are optional."""

    name: str
    method: str
    pattern: str
    run: Callable[[Call], Response]
    scopes: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    shape: Shape = Shape.V2
    needs_key: bool = True

    def rules(self) -> list[Rule]:
        with_all, without = (
            re.sub(r"[\[\]]", "", self.pattern),
            re.sub(r"\[.*?\]", "", self.pattern),
        )
        return [
            Rule(re.sub(r"\{(\w+)\}", _converter, path), endpoint=self, methods=[self.method])
            for path in sorted({with_all, without})
        ]


def _converter(parameter: re.Match[str]) -> str:
    name = parameter[1]
    if name in _NUMBERS:
        return f"<number:{name}>"
    kind = name if name in ("entry", "store") else "string"
    return f"<{kind}:{name}>"


class NumberConverter(BaseConverter):
    regex = "[0-9]{1,18}"


class EntryConverter(BaseConverter):
    """The id of an entry, which may contain slashes."""

    regex = ".+"
    part_isolating = False


class StoreConverter(BaseConverter):
    """The name of a data store, which may contain slashes."""

    regex = "(?:(?!/scopes/|/entries).)+"
    part_isolating = False


_V2 = "/cloud/v2/universes/{universe}"
_ENTRIES = _V2 + "/data-stores/{store}[/scopes/{scope}]/entries"
_ORDERED = _V2 + "/ordered-data-stores/{store}/scopes/{scope}/entries"
_QUEUE = _V2 + "/memory-store/queues/{queue}/items"
_BANS = _V2 + "[/places/{place}]/user-restrictions"
_GROUP = "/cloud/v2/groups/{group}"
_STORES_V1 = "/datastores/v1/universes/{universe}/standard-datastores"
_ENTRY_V1 = _STORES_V1 + "/datastore/entries/entry"
_ORDERED_V1 = (
    "/ordered-data-stores/v1/universes/{universe}/orderedDataStores/{store}/scopes/{scope}/entries"
)

_LIST, _READ = ("universe-datastores.objects:list",), ("universe-datastores.objects:read",)
_CREATE, _UPDATE = ("universe-datastores.objects:create",), ("universe-datastores.objects:update",)
_DELETE, _VERSIONS = ("universe-datastores.objects:delete",), ("universe-datastores.versions:list",)
_VERSION, _STORES = ("universe-datastores.versions:read",), ("universe-datastores.control:list",)
_SNAPSHOT = ("universe-datastores.control:snapshot",)
_ORDERED_READ = ("universe.ordered-data-store.scope.entry:read",)
_ORDERED_WRITE = ("universe.ordered-data-store.scope.entry:write",)
_BAN_READ, _BAN_WRITE = ("universe.user-restriction:read",), ("universe.user-restriction:write",)
_PUBLISH = ("universe-messaging-service:publish",)
_V1, _PLAIN, _GATEWAY = Shape.STORES_V1, Shape.PLAIN_V1, Shape.GATEWAY
_BAN_LIMITS = ("restrictionUpdate", "restrictionUpdateUser")

# Faults and call counts use these names.
ENDPOINTS = tuple(
    Endpoint(*row)
    for row in (
        ("dataStoreList", "GET", _V2 + "/data-stores", data_stores.list_stores, _STORES,
         ("dataStoreList",)),
        ("dataStoreSnapshot", "POST", _V2 + "/data-stores:snapshot", data_stores.snapshot,
         _SNAPSHOT, ("dataStoreSnapshot",)),
        ("dataStoreEntryList", "GET", _ENTRIES, data_stores.list_entries, _LIST,
         ("dataStoreList",)),
        ("dataStoreEntryCreate", "POST", _ENTRIES, data_stores.create_entry, _CREATE,
         ("dataStoreWrite",)),
        ("dataStoreRevisionList", "GET", _ENTRIES + "/{entry}:listRevisions",
         data_stores.list_revisions, _VERSIONS, ("dataStoreList",)),
        ("dataStoreEntryIncrement", "POST", _ENTRIES + "/{entry}:increment",
         data_stores.increment_entry, _CREATE + _UPDATE, ("dataStoreWrite",)),
        ("dataStoreEntryGet", "GET", _ENTRIES + "/{entry}", data_stores.get_entry, _READ,
         ("dataStoreRead",)),
        ("dataStoreEntryUpdate", "PATCH", _ENTRIES + "/{entry}", data_stores.update_entry,
         _UPDATE, ("dataStoreWrite",)),
        ("dataStoreEntryDelete", "DELETE", _ENTRIES + "/{entry}", data_stores.delete_entry,
         _DELETE, ("dataStoreRemove",)),
        ("dataStoreV1List", "GET", _STORES_V1, data_stores_v1.list_stores, _STORES,
         ("dataStoreV1Read",), _V1),
        ("dataStoreV1EntryList", "GET", _STORES_V1 + "/datastore/entries",
         data_stores_v1.list_entries, _LIST, ("dataStoreV1Read",), _V1),
        ("dataStoreV1EntryGet", "GET", _ENTRY_V1, data_stores_v1.get_entry, _READ,
         ("dataStoreV1Read",), _V1),
        ("dataStoreV1EntrySet", "POST", _ENTRY_V1, data_stores_v1.set_entry, _CREATE + _UPDATE,
         ("dataStoreV1Write",), _V1),
        ("dataStoreV1EntryDelete", "DELETE", _ENTRY_V1, data_stores_v1.delete_entry, _DELETE,
         ("dataStoreV1Write",), _V1),
        ("dataStoreV1EntryIncrement", "POST", _ENTRY_V1 + "/increment",
         data_stores_v1.increment_entry, _CREATE + _UPDATE, ("dataStoreV1Write",), _V1),
        ("dataStoreV1VersionList", "GET", _ENTRY_V1 + "/versions", data_stores_v1.list_versions,
         _VERSIONS, ("dataStoreV1Read",), _V1),
        ("dataStoreV1VersionGet", "GET", _ENTRY_V1 + "/versions/version",
         data_stores_v1.get_version, _VERSION, ("dataStoreV1Read",), _V1),
        ("orderedEntryList", "GET", _ORDERED, ordered.list_entries, _ORDERED_READ,
         ("orderedList",)),
        ("orderedEntryCreate", "POST", _ORDERED, ordered.create_entry, _ORDERED_WRITE,
         ("orderedWrite",)),
        ("orderedEntryIncrement", "POST", _ORDERED + "/{entry}:increment",
         ordered.increment_entry, _ORDERED_WRITE, ("orderedWrite",)),
        ("orderedEntryGet", "GET", _ORDERED + "/{entry}", ordered.get_entry, _ORDERED_READ,
         ("orderedRead",)),
        ("orderedEntryUpdate", "PATCH", _ORDERED + "/{entry}", ordered.update_entry,
         _ORDERED_WRITE, ("orderedWrite",)),
        ("orderedEntryDelete", "DELETE", _ORDERED + "/{entry}", ordered.delete_entry,
         _ORDERED_WRITE, ("orderedRemove",)),
        ("orderedV1EntryList", "GET", _ORDERED_V1, ordered.list_entries_v1, _ORDERED_READ,
         ("orderedV1Read",), _PLAIN),
        ("orderedV1EntryCreate", "POST", _ORDERED_V1, ordered.create_entry, _ORDERED_WRITE,
         ("orderedV1Write",), _PLAIN),
        ("orderedV1EntryIncrement", "POST", _ORDERED_V1 + "/{entry}:increment",
         ordered.increment_entry, _ORDERED_WRITE, ("orderedV1Write",), _PLAIN),
        ("orderedV1EntryGet", "GET", _ORDERED_V1 + "/{entry}", ordered.get_entry, _ORDERED_READ,
         ("orderedV1Read",), _PLAIN),
        ("orderedV1EntryUpdate", "PATCH", _ORDERED_V1 + "/{entry}", ordered.update_entry,
         _ORDERED_WRITE, ("orderedV1Write",), _PLAIN),
        ("orderedV1EntryDelete", "DELETE", _ORDERED_V1 + "/{entry}", ordered.delete_entry,
         _ORDERED_WRITE, ("orderedV1Write",), _PLAIN),
        ("groupGet", "GET", _GROUP, groups.get_group, (), ("groupGet",)),
        ("groupMembershipList", "GET", _GROUP + "/memberships", memberships.list_memberships, (),
         ("groupMemberships",)),
        ("groupRoleAssign", "POST", _GROUP + "/memberships/{membership}:assignRole",
         memberships.assign_role, ("group:write",), ("groupAssign",)),
        ("groupRoleUnassign", "POST", _GROUP + "/memberships/{membership}:unassignRole",
         memberships.unassign_role, ("group:write",), ("groupUnassign",)),
        ("groupMembershipUpdate", "PATCH", _GROUP + "/memberships/{membership}",
         memberships.update_membership, ("group:write",), ("groupUpdate",)),
        ("groupJoinRequestList", "GET", _GROUP + "/join-requests", join_requests.list_requests,
         ("group:read",), ("groupJoinRequests",)),
        ("groupJoinRequestAccept", "POST", _GROUP + "/join-requests/{join_request}:accept",
         join_requests.accept, ("group:write",), ("groupAccept",)),
        ("groupJoinRequestDecline", "POST", _GROUP + "/join-requests/{join_request}:decline",
         join_requests.decline, ("group:write",), ("groupDecline",)),
        ("groupRoleList", "GET", _GROUP + "/roles", groups.list_roles, (), ("groupRoles",)),
        ("groupRoleGet", "GET", _GROUP + "/roles/{role}", groups.get_role, (), ("groupRoles",)),
        ("groupAuditLog", "GET", "/legacy-groups/v1/groups/{group}/audit-log",
         group_log.audit_log, ("legacy-group:manage",), ("groupAuditLog",), _GATEWAY),
        ("restrictionList", "GET", _BANS, restrictions.list_restrictions, _BAN_READ,
         ("restrictionList",)),
        ("restrictionLogList", "GET", _V2 + "/user-restrictions:listLogs", restrictions.list_logs,
         _BAN_READ, ("restrictionLogs",)),
        ("restrictionGet", "GET", _BANS + "/{user}", restrictions.get_restriction, _BAN_READ,
         ("restrictionGet",)),
        ("restrictionUpdate", "PATCH", _BANS + "/{user}", restrictions.update_restriction,
         _BAN_WRITE, _BAN_LIMITS),
        ("messagePublish", "POST", _V2 + ":publishMessage", messaging.publish, _PUBLISH,
         ("messaging",)),
        ("messageV1Publish", "POST", "/messaging-service/v1/universes/{universe}/topics/{topic}",
         messaging.publish_v1, _PUBLISH, ("messaging",), _PLAIN),
        ("queueItemAdd", "POST", _QUEUE, queues.add_item, ("memory-store.queue:add",),
         ("queueUnits",)),
        ("queueItemRead", "GET", _QUEUE + ":read", queues.read_items,
         ("memory-store.queue:dequeue",), ("queueUnits",)),
        ("queueItemDiscard", "POST", _QUEUE + ":discard", queues.discard_items,
         ("memory-store.queue:discard",), ("queueUnits",)),
        ("userGet", "GET", "/cloud/v2/users/{user}", users.get_user, (), ("users",)),
        ("usernameFind", "POST", "/v1/usernames/users", users.find_names, (), (), _GATEWAY,
         False),
        ("userFind", "POST", "/v1/users", users.find_ids, (), (), _GATEWAY, False),
        ("headshotFind", "GET", "/v1/users/avatar-headshot", thumbnails.find_headshots, (), (),
         _GATEWAY, False),
        ("headshotGet", "GET", "/headshots/{user}", thumbnails.get_headshot, (), (), _GATEWAY,
         False),
        ("keyIntrospect", "POST", "/api-keys/v1/introspect", api_keys.introspect, (), (),
         _GATEWAY, False),
    )
)  # fmt: skip
NAMES = frozenset(endpoint.name for endpoint in ENDPOINTS)
URLS = Map(
    [rule for endpoint in ENDPOINTS for rule in endpoint.rules()],
    converters={"number": NumberConverter, "entry": EntryConverter, "store": StoreConverter},
    merge_slashes=False,
).bind("emulator")
