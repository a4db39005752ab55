"""The table of everything that is served: address, operation, class of limit, scopes, handler."""

import re
from dataclasses import dataclass

from roblox.emulator import data_stores, groups, live, restrictions
from roblox.emulator.http import Handler


@dataclass(frozen=True, slots=True)
class Operation:
    """`name` is what faults and counts call it; `scopes`: all of them are needed."""

    name: str
    method: str
    template: str
    limit: str
    scopes: tuple[str, ...]
    handler: Handler
    pattern: re.Pattern[str]


def _operation(name: str, method: str, template: str, limit: str, handler: Handler, *scopes: str) -> Operation:
    pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+?)", re.escape(template))
    return Operation(name, method, template, limit, scopes, handler, re.compile(f"^{pattern}$"))


STORES = "/cloud/v2/universes/{universe}/data-stores"
ENTRIES = (f"{STORES}/{{store}}/entries", f"{STORES}/{{store}}/scopes/{{scope}}/entries")
ORDERED = "/cloud/v2/universes/{universe}/ordered-data-stores/{store}/scopes/{scope}/entries"
GROUP = "/cloud/v2/groups/{group}"
RESTRICTIONS = (
    "/cloud/v2/universes/{universe}/user-restrictions",
    "/cloud/v2/universes/{universe}/places/{place}/user-restrictions",
)
QUEUE = "/cloud/v2/universes/{universe}/memory-store/queues/{queue}/items"
OBJECTS = "universe-datastores.objects:"
ORDERED_READ, ORDERED_WRITE = (f"universe.ordered-data-store.scope.entry:{act}" for act in ("read", "write"))
RESTRICT_READ, RESTRICT_WRITE = (f"universe.user-restriction:{act}" for act in ("read", "write"))
D, G, L, R = data_stores, groups, live, restrictions

# An action (`:increment`) stands before the plain entry, which would take it for a part of its name.
OPERATIONS = [
    _operation("dataStoreList", "GET", STORES, "dataStoreList", D.list_stores, "universe-datastores.control:list"),
    *(
        operation
        for base in ENTRIES
        for operation in (
            _operation("dataStoreEntryList", "GET", base, "dataStoreList", D.list_entries, f"{OBJECTS}list"),
            _operation("dataStoreEntryCreate", "POST", base, "dataStoreWrite", D.create_entry, f"{OBJECTS}create"),
            _operation(
                "dataStoreEntryIncrement",
                "POST",
                f"{base}/{{entry}}:increment",
                "dataStoreWrite",
                D.increment_entry,
                f"{OBJECTS}create",
                f"{OBJECTS}update",
            ),
            _operation(
                "dataStoreEntryRevisions",
                "GET",
                f"{base}/{{entry}}:listRevisions",
                "dataStoreList",
                D.list_revisions,
                "universe-datastores.versions:list",
            ),
            _operation("dataStoreEntryGet", "GET", f"{base}/{{entry}}", "dataStoreRead", D.get_entry, f"{OBJECTS}read"),
            _operation(
                "dataStoreEntryUpdate",
                "PATCH",
                f"{base}/{{entry}}",
                "dataStoreWrite",
                D.update_entry,
                f"{OBJECTS}update",
            ),
            _operation(
                "dataStoreEntryDelete",
                "DELETE",
                f"{base}/{{entry}}",
                "dataStoreRemove",
                D.delete_entry,
                f"{OBJECTS}delete",
            ),
        )
    ),
    _operation("orderedList", "GET", ORDERED, "orderedList", D.list_ordered, ORDERED_READ),
    _operation("orderedCreate", "POST", ORDERED, "orderedWrite", D.create_ordered, ORDERED_WRITE),
    _operation(
        "orderedIncrement", "POST", f"{ORDERED}/{{entry}}:increment", "orderedWrite", D.increment_ordered, ORDERED_WRITE
    ),
    _operation("orderedGet", "GET", f"{ORDERED}/{{entry}}", "orderedRead", D.get_ordered, ORDERED_READ),
    _operation("orderedUpdate", "PATCH", f"{ORDERED}/{{entry}}", "orderedWrite", D.update_ordered, ORDERED_WRITE),
    _operation("orderedDelete", "DELETE", f"{ORDERED}/{{entry}}", "orderedRemove", D.delete_ordered, ORDERED_WRITE),
    _operation("groupMembershipList", "GET", f"{GROUP}/memberships", "groups", G.list_memberships),
    _operation(
        "groupRoleAssign", "POST", f"{GROUP}/memberships/{{member}}:assignRole", "groups", G.assign_role, "group:write"
    ),
    _operation(
        "groupRoleUnassign",
        "POST",
        f"{GROUP}/memberships/{{member}}:unassignRole",
        "groups",
        G.unassign_role,
        "group:write",
    ),
    _operation("groupRoleList", "GET", f"{GROUP}/roles", "groups", G.list_roles),
    _operation("groupRoleGet", "GET", f"{GROUP}/roles/{{role}}", "groups", G.get_role),
    _operation("groupGet", "GET", GROUP, "group", G.get_group),
    _operation(
        "groupLog", "GET", "/legacy-groups/v1/groups/{group}/audit-log", "groupLog", G.audit_log, "legacy-group:manage"
    ),
    *(
        operation
        for base in RESTRICTIONS
        for operation in (
            _operation("restrictionList", "GET", base, "restrictionList", R.list_restrictions, RESTRICT_READ),
            _operation("restrictionGet", "GET", f"{base}/{{user}}", "restrictionGet", R.get_restriction, RESTRICT_READ),
            _operation(
                "restrictionUpdate",
                "PATCH",
                f"{base}/{{user}}",
                "restrictionUpdate",
                R.update_restriction,
                RESTRICT_WRITE,
            ),
        )
    ),
    _operation("restrictionLogs", "GET", f"{RESTRICTIONS[0]}:listLogs", "restrictionLogs", R.list_logs, RESTRICT_READ),
    _operation(
        "messagePublish",
        "POST",
        "/cloud/v2/universes/{universe}:publishMessage",
        "messages",
        L.publish_message,
        "universe-messaging-service:publish",
    ),
    _operation(
        "topicPublish",
        "POST",
        "/messaging-service/v1/universes/{universe}/topics/{topic}",
        "messages",
        L.publish_to_topic,
        "universe-messaging-service:publish",
    ),
    _operation("queueAdd", "POST", QUEUE, "queues", L.add_item, "memory-store.queue:add"),
    _operation("queueRead", "GET", f"{QUEUE}:read", "queues", L.read_items, "memory-store.queue:dequeue"),
    _operation("queueDiscard", "POST", f"{QUEUE}:discard", "queues", L.discard_items, "memory-store.queue:discard"),
    _operation("userGet", "GET", "/cloud/v2/users/{user}", "users", L.get_user),
    _operation("usersByName", "POST", "/v1/usernames/users", "users", L.users_by_name),
    _operation("keyIntrospect", "POST", "/api-keys/v1/introspect", "keys", L.introspect),
]
KEYLESS = {"usersByName", "keyIntrospect"}


def find(method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
    """The operation of an address, and the parts of it; still percent-encoded."""
    for operation in OPERATIONS:
        matched = operation.pattern.match(path) if operation.method == method else None
        if matched:
            return operation, matched.groupdict()
    return None


def is_known(path: str) -> bool:
    return any(operation.pattern.match(path) for operation in OPERATIONS)
