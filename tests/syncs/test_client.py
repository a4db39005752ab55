"""Every operation of the client, with each exchange compared with Roblox's own description."""

import datetime as dt
import io
import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command

from roblox import key_health, write_hold
from roblox.models import CloudKey
from roblox.open_cloud import (
    api_keys,
    data_stores,
    groups,
    messaging,
    operations,
    queues,
    restrictions,
    users,
)
from roblox.open_cloud.client import MAX_BODY, OpenCloud
from roblox.open_cloud.data_stores import Store, Write
from roblox.open_cloud.errors import OpenCloudError, RetryDecision
from roblox.open_cloud.operations import BUDGETS
from roblox.open_cloud.pacing import Pacer
from roblox.open_cloud.restrictions import Idempotency, RestrictionChange
from tests.roblox.emulator import contract
from tests.roblox_world import EVENT_HOST, GROUP, KEY, NEXUS, World, role_id

STORE = Store(NEXUS, "GRPS_Points")


class Recorder(httpx.HTTPTransport):
    """Passes calls on and keeps requests and responses."""

    def __init__(self) -> None:
        super().__init__()
        self.exchanges: list[tuple[str, str, Any, int, Any]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        response.read()
        sent = json.loads(request.content) if request.content else None
        received = json.loads(response.content) if response.content else None
        self.exchanges.append(
            (request.method, str(request.url), sent, response.status_code, received)
        )
        return httpx.Response(
            response.status_code, headers=_plain(response.headers), content=response.content
        )


def _plain(headers: httpx.Headers) -> dict[str, str]:
    return {
        name: value for name, value in headers.items() if name.lower() not in {"content-encoding"}
    }


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def client(world: World, recorder: Recorder) -> Iterator[OpenCloud]:
    pacer = Pacer(
        django_settings.REDIS_URL, dict.fromkeys(BUDGETS), httpx.URL(world.url).netloc.decode()
    )
    http = httpx.Client(base_url=world.url, transport=recorder, timeout=5)
    yield OpenCloud(world.url, KEY, pacer, timeout=5, http=http)
    http.close()


def everything(client: OpenCloud, world: World) -> None:
    """Call every operation once and check its result."""
    entry = data_stores.write(client, STORE, Write("player:1", {"points": 1}, 1, None))
    again = data_stores.write(client, STORE, Write("player:1", {"points": 2}, 1, entry))
    assert again.value == {"points": 2}
    assert again.users == ["users/1"]
    found = data_stores.read(client, STORE, "player:1")
    assert found is not None
    assert found.value == {"points": 2}
    assert data_stores.read(client, STORE, "player:2") is None
    assert data_stores.list_ids(client, STORE) == (["player:1"], "")
    assert data_stores.remove(client, STORE, "player:1")
    assert not data_stores.remove(client, STORE, "player:3")
    board = Store(NEXUS, "GRPS_Board")
    for user_id, value in ((1, 5), (2, 7), (3, 6)):
        data_stores.write_ordered(client, board, str(user_id), value)
    rows, token = data_stores.list_ordered(client, board, size=2)
    assert [(row.id, row.whole) for row in rows] == [("2", 7), ("3", 6)]
    assert [row.id for row in data_stores.list_ordered(client, board, token, size=2)[0]] == ["1"]
    world.join(5, "Captain I", also=(EVENT_HOST,))
    assert {role.rank for role in groups.roles(client, GROUP)} >= {1, 3, 14}
    assert any(member.user_id == 5 for member in groups.members(client, GROUP)[0])
    assert groups.assign(client, GROUP, 5, role_id("Shock Trooper I")).user_id == 5
    after = groups.unassign(client, GROUP, 5, role_id("Captain I"))
    assert {role_id("Shock Trooper I"), EVENT_HOST} <= set(after.roles)
    assert groups.member(client, GROUP, 5) == after
    assert groups.member(client, GROUP, 404) is None
    for user_id in (7, 8):
        world.act("askToJoin", groupId=GROUP, userId=user_id)
    asking = groups.join_requests(client, GROUP)[0]
    assert [one.user_id for one in asking] == [7, 8]
    groups.decide_join_request(client, GROUP, asking[0].id, accept=True)
    groups.decide_join_request(client, GROUP, asking[1].id, accept=False)
    assert groups.member(client, GROUP, 7) is not None
    assert groups.member(client, GROUP, 8) is None
    once = Idempotency(str(uuid.uuid4()), dt.datetime.now(dt.UTC))
    change = RestrictionChange(5, True, 60, "GRPS case 1", "cheats")
    ban = restrictions.update(client, NEXUS, change, once)
    assert (ban.active, ban.seconds, ban.user_id) == (True, 60, 5)
    assert ban.until is not None
    assert restrictions.get(client, NEXUS, 5).active
    assert not restrictions.get(client, NEXUS, 6).active
    assert [one.user_id for one in restrictions.page(client, NEXUS)[0]] == [5]
    assert restrictions.logs(client, NEXUS, 5)[0].moderator == 9001
    messaging.publish(client, NEXUS, "GRPS", {"userId": 5})
    world.act(
        "enqueue", universeId=NEXUS, queue="GRPS_Events", data={"n": 1}, priority=0, ttl="600s"
    )
    items = queues.read(client, NEXUS, "GRPS_Events")
    assert items.data == [{"n": 1}]
    assert queues.read(client, NEXUS, "GRPS_Events").data == []
    queues.discard(client, NEXUS, "GRPS_Events", items.read_id)
    user = users.get(client, 5)
    assert user is not None
    assert user.name == "citizen_5"
    assert users.get(client, 999_999) is None
    assert api_keys.introspect(client).authorized_user_id == 9001


def test_every_operation_does_what_it_says(
    client: OpenCloud, recorder: Recorder, world: World
) -> None:
    everything(client, world)
    used = {(method, httpx.URL(url).path) for method, url, *_ in recorder.exchanges}
    assert len(used) >= len(operations.OPERATIONS)


@pytest.mark.skipif(
    not os.environ.get("OPEN_CLOUD_SPEC"),
    reason="OPEN_CLOUD_SPEC does not name the folder with Roblox's OpenAPI files: the client is not compared with them",
)
def test_every_exchange_is_as_roblox_describes_it(
    client: OpenCloud, recorder: Recorder, world: World
) -> None:
    everything(client, world)
    compared = [contract.check_exchange(*exchange) for exchange in recorder.exchanges]
    assert (
        sum(compared) >= len(compared) - 1
    )  # the introspection of a key is documented in prose only


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"kind": "truncate"}, "cannot be read"),
        ({"kind": "drop"}, "did not answer in one piece"),
        ({"kind": "timeoutAfter", "seconds": 2.0}, "did not answer"),
        ({"kind": "slow", "seconds": 12.0}, "did not answer in time"),
        ({"kind": "hugeBody"}, f"larger than {MAX_BODY} bytes"),
        ({"kind": "502"}, "Roblox has trouble (status 502)"),
    ],
)
def test_trouble_becomes_an_error_that_may_be_retried(
    world: World, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any], sentence: str
) -> None:
    monkeypatch.setattr("roblox.open_cloud.client.TRIES", 1)
    pacer = Pacer(
        django_settings.REDIS_URL, dict.fromkeys(BUDGETS), httpx.URL(world.url).netloc.decode()
    )
    # Only faults of time get a short timeout: otherwise the emulator itself may be slow to answer.
    client = OpenCloud(
        world.url, KEY, pacer, timeout=1 if fault["kind"] in {"timeoutAfter", "slow"} else 10
    )
    world.join(5)
    world.faults({"operations": ["*"], "rate": 1.0, **fault})
    with pytest.raises(OpenCloudError) as caught:
        users.get(client, 5)
    assert caught.value.decision is RetryDecision.RETRY
    assert sentence in str(caught.value)


def test_a_limit_is_waited_out(client: OpenCloud, world: World) -> None:
    world.join(5)
    world.faults({"kind": "429", "operations": ["*"], "rate": 1.0, "count": 2, "retryAfter": 1})
    assert users.get(client, 5) is not None


def test_somebody_elses_write_is_a_conflict(client: OpenCloud, world: World) -> None:
    entry = data_stores.write(client, STORE, Write("player:1", 1, 1, None))
    data_stores.write(client, STORE, Write("player:1", 2, 1, entry))
    with pytest.raises(OpenCloudError) as caught:
        data_stores.write(client, STORE, Write("player:1", 3, 1, entry))
    assert caught.value.conflict


def scopes(*names: str) -> list[dict[str, Any]]:
    return [{"scope": name, "universeIds": ["*"]} for name in names]


@pytest.fixture
def key(community: World) -> Callable[..., None]:
    def key(**changes: Any) -> None:
        community.control(
            "keys", **{"key": KEY, "name": "tests", "ownerUserId": 9001, "scopes": ["*"]} | changes
        )

    return key


def diagnosis() -> key_health.Diagnosis:
    (found,) = key_health.check_all()
    return found


def test_a_healthy_key_has_nothing_to_mend(key: Callable[..., None]) -> None:
    key()
    found = diagnosis()
    assert (found.problems, found.owner_user_id, found.experiences) == (
        [],
        9001,
        ["nexus", "training_site"],
    )
    assert CloudKey.objects.get().problem == ""


def test_a_doctor_names_the_scopes_that_are_missing(
    key: Callable[..., None], settings: Any
) -> None:
    key(scopes=scopes("universe-datastores.objects:list", "universe-datastores.objects:read"))
    settings.ROBLOX_WRITES = False
    lacking = " ".join(diagnosis().problems)
    assert f"Add universe.user-restriction:read for universe {NEXUS}" in lacking
    assert "group:write" not in lacking
    settings.ROBLOX_WRITES = True
    assert "Add group:write to the key" in " ".join(diagnosis().problems)


def test_a_doctor_says_why_writes_are_off(key: Callable[..., None], settings: Any) -> None:
    key()
    settings.ROBLOX_WRITES = True
    write_hold.place("It was restored.")
    out = io.StringIO()
    with suppress(CommandError):  # of what else there is to mend
        call_command("roblox", "doctor", stdout=out)
    assert "writes are off: It was restored." in " ".join(out.getvalue().split())


def test_a_doctor_sees_what_will_end_soon(key: Callable[..., None]) -> None:
    soon = (dt.datetime.now(dt.UTC) + dt.timedelta(days=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    key(expirationTimeUtc=soon)
    assert "expires on" in diagnosis().problems[0]
    unused = dt.datetime.now(dt.UTC) - dt.timedelta(days=50)
    CloudKey.objects.update(last_used_at=unused)
    assert "not used for 50 days" in diagnosis().problems[1]


def test_a_doctor_sees_what_has_ended(key: Callable[..., None], community: World) -> None:
    key(enabled=False)
    assert "switched off" in diagnosis().problems[0]
    key(expirationTimeUtc="2026-01-01T00:00:00Z")
    assert "has expired" in diagnosis().problems[0]
    community.http.delete(f"/_emulator/keys/{KEY}")
    assert "make a new one" in diagnosis().problems[0]
