"""Requests to join groups. A request's id is its user's."""

from werkzeug import Response

from roblox.emulator import groups, memberships
from roblox.emulator.calls import Call
from roblox.emulator.clock import stamp
from roblox.emulator.errors import not_found
from roblox.emulator.groups import Member
from roblox.emulator.responses import listing, respond
from roblox.emulator.store import Connection


def ask(db: Connection, member: Member) -> None:
    """Ask to join a group."""
    db.execute("INSERT OR REPLACE INTO join_requests VALUES (?, ?, ?)", (*member, db.now))


def list_requests(call: Call) -> Response:
    """List the open requests of a group. The filter is not read."""
    page = call.page(10, 20)
    db = call.store.read()
    group = groups.requested(db, call).id
    after = page.cursor[0] if page.cursor is not None else 0
    query = (
        "SELECT user, created FROM join_requests WHERE group_id = ? AND user > ?"
        " ORDER BY user LIMIT ?"
    )
    rows = db.execute(query, (group, after, page.fetch)).fetchall()
    kept, token = page.cut(rows, lambda row: [row[0]])
    items = [
        {
            "path": f"groups/{group}/join-requests/{user}",
            "createTime": stamp(created),
            "user": f"users/{user}",
        }
        for user, created in kept
    ]
    return listing("groupJoinRequests", items, token)


def accept(call: Call) -> Response:
    with call.store.write() as db:
        memberships.join(db, _take(db, call), [])
        return respond({})


def decline(call: Call) -> Response:
    with call.store.write() as db:
        _take(db, call)
        return respond({})


def _take(db: Connection, call: Call) -> Member:
    """Delete the request and return who asked. Raises ApiError (404)."""
    member = Member(groups.requested(db, call).id, int(call.path["join_request"]))
    where = "group_id = ? AND user = ?"
    if not db.execute(f"DELETE FROM join_requests WHERE {where}", member).rowcount:
        raise not_found("The join request was not found.")
    return member
