"""The operations that GRPS uses: path, scopes that a key needs, and budget."""

from dataclasses import dataclass

MINUTE, SECOND = 60.0, 1.0


@dataclass(frozen=True, slots=True)
class Budget:
    """`calls` in `window` seconds, counted for each universe, key's owner or user (`per`).

    The figures are the lower ones where Roblox documents two. None grows with the players online:
    live game servers spend the same budgets of a universe.
    """

    name: str
    calls: float
    window: float = MINUTE
    per: str = "universe"


DATA_STORE_READ = Budget("dataStoreRead", 250)
DATA_STORE_WRITE = Budget("dataStoreWrite", 250)
DATA_STORE_LIST = Budget("dataStoreList", 10)
DATA_STORE_REMOVE = Budget("dataStoreRemove", 100)
ORDERED_WRITE = Budget("orderedWrite", 250)
ORDERED_LIST = Budget("orderedList", 100)
GROUP_READ = Budget("groupRead", 240, per="owner")
# Reads of users who are about to act. Together with groupRead they must not exceed Roblox's 300.
GROUP_ACT = Budget("groupAct", 60, per="owner")
GROUP_WRITE = Budget("groupWrite", 300, per="owner")
GROUP_DECIDE = Budget("groupDecide", 100, per="owner")  # of each: accept and decline
GROUP_LOG = Budget("groupLog", 100, per="owner")
RESTRICTION_READ = Budget("restrictionRead", 50, SECOND)
RESTRICTION_UPDATE = Budget("restrictionUpdate", 10, SECOND)
RESTRICTION_LOGS = Budget("restrictionLogs", 50, SECOND)
RESTRICTION_OF_USER = Budget("restrictionOfUser", 2, per="user")
# A topic receives 40 a minute and 80 more for each server: stay far below Roblox's 5,000.
MESSAGES = Budget("messages", 600)
QUEUES = Budget("queues", 900)  # of 1,000 request units shared with the servers
USERS = Budget("users", 1000, per="owner")
KEYS = Budget("keys", 60, per="owner")
BUDGETS = {
    budget.name: budget
    for budget in (
        *(
            DATA_STORE_READ,
            DATA_STORE_WRITE,
            DATA_STORE_LIST,
            DATA_STORE_REMOVE,
            ORDERED_WRITE,
            ORDERED_LIST,
        ),
        *(
            GROUP_READ,
            GROUP_ACT,
            GROUP_WRITE,
            GROUP_DECIDE,
            GROUP_LOG,
            RESTRICTION_READ,
            RESTRICTION_UPDATE,
            RESTRICTION_LOGS,
            RESTRICTION_OF_USER,
        ),
        *(MESSAGES, QUEUES, USERS, KEYS),
    )
}


@dataclass(frozen=True, slots=True)
class Operation:
    """An endpoint. `path` is filled with percent-encoded parts.

    `scopes` are given to the key in Creator Hub. `optional`: GRPS works without them.
    """

    name: str
    method: str
    path: str
    budget: Budget
    scopes: tuple[str, ...] = ()
    optional: bool = False


_STORE = "/cloud/v2/universes/{universe}/data-stores/{store}/scopes/{scope}/entries"
_ORDERED = "/cloud/v2/universes/{universe}/ordered-data-stores/{store}/scopes/{scope}/entries"
_GROUP = "/cloud/v2/groups/{group}"
_RESTRICTIONS = "/cloud/v2/universes/{universe}/user-restrictions"
_QUEUE = "/cloud/v2/universes/{universe}/memory-store/queues/{queue}/items"
_OBJECTS = "universe-datastores.objects:"
_ORDERED_SCOPE = "universe.ordered-data-store.scope.entry:"

LIST_ENTRIES = Operation("listEntries", "GET", _STORE, DATA_STORE_LIST, (f"{_OBJECTS}list",))
LIST_STORES = Operation(
    "listStores",
    "GET",
    "/cloud/v2/universes/{universe}/data-stores",
    DATA_STORE_LIST,
    ("universe-datastores.control:list",),
    optional=True,
)
GET_ENTRY = Operation(
    "getEntry", "GET", f"{_STORE}/{{entry}}", DATA_STORE_READ, (f"{_OBJECTS}read",)
)
PUT_ENTRY = Operation(
    "updateEntry",
    "PATCH",
    f"{_STORE}/{{entry}}",
    DATA_STORE_WRITE,
    (f"{_OBJECTS}create", f"{_OBJECTS}update"),
)
DELETE_ENTRY = Operation(
    "deleteEntry", "DELETE", f"{_STORE}/{{entry}}", DATA_STORE_REMOVE, (f"{_OBJECTS}delete",)
)
LIST_ORDERED = Operation("listOrdered", "GET", _ORDERED, ORDERED_LIST, (f"{_ORDERED_SCOPE}read",))
PUT_ORDERED = Operation(
    "updateOrdered", "PATCH", f"{_ORDERED}/{{entry}}", ORDERED_WRITE, (f"{_ORDERED_SCOPE}write",)
)
DELETE_ORDERED = Operation(
    "deleteOrdered", "DELETE", f"{_ORDERED}/{{entry}}", ORDERED_WRITE, (f"{_ORDERED_SCOPE}write",)
)
GET_GROUP = Operation("getGroup", "GET", _GROUP, GROUP_READ)
LIST_ROLES = Operation("listRoles", "GET", f"{_GROUP}/roles", GROUP_READ)
LIST_MEMBERSHIPS = Operation("listMemberships", "GET", f"{_GROUP}/memberships", GROUP_READ)
READ_ACTOR = Operation("readActor", "GET", f"{_GROUP}/memberships", GROUP_ACT)
LIST_GROUP_LOG = Operation(
    "listGroupLog",
    "GET",
    "/legacy-groups/v1/groups/{group}/audit-log",
    GROUP_LOG,
    ("legacy-group:manage",),
    optional=True,
)
ASSIGN_ROLE = Operation(
    "assignRole",
    "POST",
    f"{_GROUP}/memberships/{{member}}:assignRole",
    GROUP_WRITE,
    ("group:write",),
)
LIST_JOIN_REQUESTS = Operation(
    "listJoinRequests",
    "GET",
    f"{_GROUP}/join-requests",
    GROUP_READ,
    ("group:read",),
    optional=True,
)
ACCEPT_JOIN_REQUEST = Operation(
    "acceptJoinRequest",
    "POST",
    f"{_GROUP}/join-requests/{{request}}:accept",
    GROUP_DECIDE,
    ("group:write",),
    optional=True,
)
DECLINE_JOIN_REQUEST = Operation(
    "declineJoinRequest",
    "POST",
    f"{_GROUP}/join-requests/{{request}}:decline",
    GROUP_DECIDE,
    ("group:write",),
    optional=True,
)
UNASSIGN_ROLE = Operation(
    "unassignRole",
    "POST",
    f"{_GROUP}/memberships/{{member}}:unassignRole",
    GROUP_WRITE,
    ("group:write",),
)
LIST_RESTRICTIONS = Operation(
    "listRestrictions", "GET", _RESTRICTIONS, RESTRICTION_READ, ("universe.user-restriction:read",)
)
GET_RESTRICTION = Operation(
    "getRestriction",
    "GET",
    f"{_RESTRICTIONS}/{{user}}",
    RESTRICTION_READ,
    ("universe.user-restriction:read",),
)
UPDATE_RESTRICTION = Operation(
    "updateRestriction",
    "PATCH",
    f"{_RESTRICTIONS}/{{user}}",
    RESTRICTION_UPDATE,
    ("universe.user-restriction:write",),
)
LIST_RESTRICTION_LOGS = Operation(
    "listRestrictionLogs",
    "GET",
    f"{_RESTRICTIONS}:listLogs",
    RESTRICTION_LOGS,
    ("universe.user-restriction:read",),
)
PUBLISH = Operation(
    "publishMessage",
    "POST",
    "/cloud/v2/universes/{universe}:publishMessage",
    MESSAGES,
    ("universe-messaging-service:publish",),
)
READ_QUEUE = Operation(
    "readQueue", "GET", f"{_QUEUE}:read", QUEUES, ("memory-store.queue:dequeue",)
)
DISCARD_QUEUE = Operation(
    "discardQueue", "POST", f"{_QUEUE}:discard", QUEUES, ("memory-store.queue:discard",)
)
GET_USER = Operation("getUser", "GET", "/cloud/v2/users/{user}", USERS)
INTROSPECT = Operation("introspectKey", "POST", "/api-keys/v1/introspect", KEYS)

OPERATIONS = tuple(value for value in list(globals().values()) if isinstance(value, Operation))
