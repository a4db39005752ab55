"""Erasure orders from Roblox's notification to the end: no data of the person stays.

The audit chain still verifies, and proves the erasure.
"""

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection
from django.utils import timezone

from audits.chain.sealing import seal_pending
from audits.chain.verify import verify
from audits.models import AuditEvent
from audits.record import Actor
from common.environment import BASE_DIR
from players import tasks
from players.discipline import sanctions
from players.mass_adjustments import chunk_executor, file_previews
from players.mass_adjustments.files import FileRow
from players.mass_adjustments.lifecycle import ADJUSTMENTS
from players.models import AdjustmentRow, ErasureOrder, Player, Rank
from players.moderation.actors import Staff
from players.moderation.command import Command
from players.points import adjustments, consistency
from roblox import experiences
from roblox.models import Experience
from roblox.open_cloud.operations import BUDGETS
from syncs.models import Drift, Membership, Mirror, SyncJob
from syncs.privacy import datastores
from syncs.pull.points import Points
from syncs.push import runner
from tests.conftest import TESTER, database_url
from tests.console.people import owner_client
from tests.players.conftest import Game
from tests.roblox_world import GROUP, KEY, NEXUS, TRAINING, World
from tests.webhooks.inbound.conftest import SECRET, Sender
from webhooks.models import RobloxNotification, WebhookAttempt, WebhookDelivery, WebhookEndpoint

USER = 7_700_077_001
NAME, DISPLAY = "Very_Private_Name", "Most Private Display"
OTHER = 7_700_088_002
OWNER = Staff(Actor("staff", "1", "Olga", "staff:1"), rank=None, bypasses_second_person=True)
LONG_AFTER = dt.timedelta(minutes=11)
UNTIL = 60.0  # seconds that a test waits for another process
Pull = Callable[..., SyncJob]
pytestmark = pytest.mark.usefixtures("community")


def everywhere(*words: str) -> list[str]:
    """List every column with one of the words, as `table.column`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.table_name, c.column_name FROM information_schema.columns c"
            " JOIN information_schema.tables t USING (table_schema, table_name)"
            " WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'"
        )
        columns = cursor.fetchall()
        found = []
        for table, column in columns:
            cursor.execute(
                f'SELECT EXISTS (SELECT 1 FROM "{table}" WHERE "{column}"::text ILIKE ANY(%s::text[]))',
                [[f"%{word}%" for word in words]],
            )
            if cursor.fetchone()[0]:
                found.append(f"{table}.{column}")
        return sorted(found)


def ordered(world: World, store: str, universe: int = NEXUS) -> list[str]:
    """Return the ids in an ordered store."""
    answer = world.http.get(
        f"/cloud/v2/universes/{universe}/ordered-data-stores/{store}/scopes/global/entries",
        params={"maxPageSize": 100},
        headers={"x-api-key": KEY},
    )
    return [entry["id"] for entry in answer.json()["orderedDataStoreEntries"]]


def kept_by_roblox(world: World, user_id: int = USER) -> list[str]:
    """List the stores on Roblox that hold data of the person, by universe."""
    universes = (NEXUS, TRAINING)
    entries = [
        f"{universe} {store}"
        for universe in universes
        for store in ("GRPS_Points", "GRPS_State")
        if world.entry(store, f"player:{user_id}", universe) is not None
    ]
    ids = [
        f"{universe} {store}"
        for universe in universes
        for store in ("GRPS_Points_Index", "GRPS_Board")
        if str(user_id) in ordered(world, store, universe)
    ]
    return entries + ids


def entry(user_id: int = USER, name: str = NAME) -> dict[str, Any]:
    return {"points": 12.5, "kos": 1, "wos": 0, "rank": "Initiate", "username": name}


def save_everywhere(world: World, user_id: int = USER, name: str = NAME) -> None:
    for universe in (NEXUS, TRAINING):
        world.save(user_id, entry(user_id, name), 1250, universe)


def push_all() -> None:
    Mirror.objects.filter(status="pending").update(retry_at=timezone.now())
    while runner.step():
        pass


def go_on(after: dt.timedelta = dt.timedelta(0)) -> None:
    """Process open orders as the sync worker does, `after` this time."""
    ErasureOrder.objects.filter(status="open").update(
        retry_at=timezone.now() - dt.timedelta(seconds=1)
    )
    while datastores.step(timezone.now() + after):
        pass


def seal_all() -> None:
    while seal_pending():
        pass


@pytest.fixture
def known(community: World, game: Game, pull: Pull, nexus: Experience) -> World:
    """Create a person with data everywhere.

    Events, stores, mirrors, group, bans, adjustments, jobs, drift and webhooks name them.
    """
    said = {"username": NAME, "displayName": DISPLAY}
    game.send(game.event(USER, **said), game.event(OTHER))
    save_everywhere(community)
    community.join(USER, "Captain I")
    for activity in ("members", "points"):
        pull(activity, None if activity == "members" else nexus, dry_run=True)
        pull(activity, None if activity == "members" else nexus)
    adjustments.adjust(
        USER, 500, Command(by=OWNER, reason=f"{NAME} lost a save", now=timezone.now())
    )
    push_all()
    sanctions.ban(USER, Command(by=OWNER, reason=f"{NAME} cheats", now=timezone.now()))
    push_all()
    _adjust_by_file()
    _note_drift(nexus)
    _deliver_webhook()
    seal_all()
    return community


def _adjust_by_file() -> None:
    rows = [FileRow(1, USER, 100, f"for {NAME}"), FileRow(2, OTHER, 100, "")]
    asked = file_previews.preview(rows, by=OWNER, reason="a mass reward", now=timezone.now())
    ADJUSTMENTS.start(asked.pk, by=OWNER, now=timezone.now())
    chunk_executor.run(asked.pk)


def _note_drift(nexus: Experience) -> None:
    """Note drift that names the person.

    As the moderator of another's ban, in a queue's item, and in an entry that cannot be read.
    """
    theirs = {"active": True, "by": USER, "privateReason": f"by {NAME}"}
    Drift.objects.create(
        aspect="restriction",
        experience=nexus,
        subject=str(OTHER),
        theirs=theirs,
        detail=f"by {USER}",
    )
    Drift.objects.create(
        aspect="entry", experience=nexus, subject="queue:abc", theirs=f'{{"username": "{NAME}"}}'
    )
    Drift.objects.create(aspect="entry", experience=nexus, subject=f"player:{USER}", theirs="?")
    Drift.objects.create(aspect="points", experience=nexus, subject=str(USER), detail="differs")


def _deliver_webhook() -> None:
    event = AuditEvent.objects.get(action="player.banned")
    endpoint = WebhookEndpoint.objects.create(
        name="e", kind="standard", address_sealed="x", events=["*"]
    )
    delivery = WebhookDelivery.objects.create(endpoint=endpoint, event=event, action=event.action)
    WebhookAttempt.objects.create(
        delivery=delivery,
        call=uuid4(),
        trigger="event",
        request=f'{{"user": "{NAME}"}}',
        response=f"{USER} is known",
    )


def test_nothing_of_the_person_stays_and_everything_is_proved(
    known: World, roblox: Sender, pull: Pull
) -> None:
    tables = everywhere(NAME, DISPLAY, str(USER))
    assert {
        "players.user_id",
        "audit_personal.value",
        "memberships.user_id",
        "drifts.theirs",
    } <= set(tables)
    assert {
        "webhook_attempts.request",
        "adjustment_rows.user_id",
        "sync_jobs.steps",
        "sanctions.reason",
    } <= set(tables)
    assert len(kept_by_roblox(known)) >= 6
    player = Player.objects.get(user_id=USER)
    points = player.points

    roblox.erase(USER, "n-1")
    assert tasks.carry_out_erasures() == 1
    assert everywhere(NAME, DISPLAY, str(USER)) == ["erasure_orders.user_id"]
    go_on()
    assert kept_by_roblox(known) == []
    go_on(LONG_AFTER)

    assert everywhere(NAME, DISPLAY, str(USER)) == []
    order = ErasureOrder.objects.get()
    assert (order.status, order.user_id, order.reason, order.player) == ("done", None, "", player)
    assert set(order.stores) == {"nexus", "training_site"}
    player.refresh_from_db()
    assert (player.points, player.listed) == (points, False)
    assert player.user_id < 0
    seal_all()
    assert verify().findings == []
    assert consistency.verify() == []
    actions = AuditEvent.objects.order_by("pk").values_list("action", flat=True)
    wanted = ["erasure.ordered", "player.erased", "erasure.completed"]
    assert [action for action in actions if action in wanted] == wanted
    completed = AuditEvent.objects.get(action="erasure.completed").details
    assert set(completed["stores"]) == {"nexus", "training_site"}
    assert completed["player"] == player.pk
    assert RobloxNotification.objects.get().payload == {}


def test_others_keep_what_is_theirs(known: World, roblox: Sender) -> None:
    known.save(OTHER, entry(OTHER, "somebody"), 1250)
    roblox.erase(USER)
    tasks.carry_out_erasures()
    go_on()
    go_on(LONG_AFTER)
    other = Player.objects.get(user_id=OTHER)
    assert (other.username, float(other.points)) == (f"player_{OTHER}", 16.0)
    assert known.entry("GRPS_Points", f"player:{OTHER}") is not None
    assert ordered(known, "GRPS_Points_Index") == [str(OTHER)]
    assert AdjustmentRow.objects.get(user_id=OTHER).amount == 1
    drift = Drift.objects.get(subject=str(OTHER))
    assert drift.theirs == {"active": True, "by": None, "privateReason": "by …"}


def test_someone_known_only_to_group_and_stores_is_erased(
    community: World, roblox: Sender, pull: Pull
) -> None:
    community.join(USER)
    pull("members")
    save_everywhere(community)
    assert not Player.objects.filter(user_id=USER).exists()
    assert Membership.objects.filter(user_id=USER, group_id=GROUP).exists()
    roblox.erase(USER)
    tasks.carry_out_erasures()
    go_on()
    go_on(LONG_AFTER)
    assert everywhere(NAME, str(USER)) == []
    assert kept_by_roblox(community) == []
    assert ErasureOrder.objects.get().status == "done"
    assert not AuditEvent.objects.filter(action="player.erased").exists()
    seal_all()
    assert verify().findings == []


def test_a_pull_in_between_does_not_bring_them_back(
    known: World, roblox: Sender, pull: Pull, nexus: Experience
) -> None:
    known.save(OTHER, entry(OTHER, "somebody"), 1250)
    roblox.erase(USER)
    tasks.carry_out_erasures()
    known.act(
        "setEntry",
        universeId=NEXUS,
        store="GRPS_Points",
        scope="global",
        key=f"player:{USER}",
        value="broken",
    )
    for activity in ("members", "points", "leaderboard", "restrictions"):
        pull(activity, None if activity == "members" else nexus)
    pull("points", Experience.objects.get(key="training_site"), full=True)
    assert everywhere(NAME, DISPLAY, str(USER)) == ["erasure_orders.user_id"]
    assert Player.objects.filter(user_id=OTHER).exists()
    go_on()
    go_on(LONG_AFTER)
    pull("points", nexus, full=True)
    pull("restrictions", nexus)
    assert everywhere(NAME, DISPLAY, str(USER)) == []


def test_an_older_page_does_not_bring_them_back(
    community: World, roblox: Sender, nexus: Experience
) -> None:
    save_everywhere(community)
    activity = Points(SyncJob(activity="points", experience=nexus), _Calls())
    page = activity.page({})
    roblox.erase(USER)
    tasks.carry_out_erasures()
    page.land(page)
    assert everywhere(NAME, str(USER)) == ["erasure_orders.user_id"]


class _Calls:
    def gather(self, calls: Any) -> list[Any]:
        return [call() for call in calls]

    def going_on(self) -> bool:
        return True


def test_someone_brought_back_by_an_old_transaction_is_erased(
    community: World, roblox: Sender
) -> None:
    roblox.erase(USER)
    tasks.carry_out_erasures()
    began = timezone.now() - dt.timedelta(minutes=1)
    rank = Rank.objects.get(name="Initiate")
    back = Player.objects.create(
        user_id=USER, username=NAME, rank=rank, rank_since=began, named_at=began
    )
    Player.objects.filter(pk=back.pk).update(created_at=began)
    go_on()
    go_on(LONG_AFTER)
    assert everywhere(NAME, str(USER)) == []
    seal_all()
    assert verify().findings == []


def test_a_join_while_erasing_writes_nothing(known: World, roblox: Sender, game: Game) -> None:
    roblox.erase(USER)
    tasks.carry_out_erasures()
    assert game.client.get(f"/roblox/players/{USER}").status_code == 200
    assert everywhere(NAME, str(USER)) == ["erasure_orders.user_id"]


def test_an_event_that_was_on_its_way_does_not_bring_them_back(
    known: World, roblox: Sender, game: Game
) -> None:
    before = game.event(USER, 2, total=30, username=NAME)
    roblox.erase(USER)
    tasks.carry_out_erasures()
    receipt = game.send(before, game.event(OTHER, 2))
    assert (receipt["accepted"], [one["code"] for one in receipt["rejected"]]) == (1, ["ERASED"])
    assert everywhere(NAME, str(USER)) == ["erasure_orders.user_id"]
    go_on()
    go_on(LONG_AFTER)
    assert game.send(before)["rejected"][0]["code"] == "ERASED"
    assert everywhere(NAME, str(USER)) == []


def test_whoever_plays_again_is_somebody_new(known: World, roblox: Sender, game: Game) -> None:
    roblox.erase(USER)
    tasks.carry_out_erasures()
    go_on()
    receipt = game.send(game.event(USER, session=9, username="A_New_Name"))
    assert (receipt["accepted"], receipt["players"][0]["points"]) == (1, 15)
    go_on(LONG_AFTER)
    assert ErasureOrder.objects.get().status == "done"
    assert Player.objects.get(user_id=USER).username == "A_New_Name"
    assert everywhere(NAME, DISPLAY) == []


def test_a_second_write_is_found_by_the_second_check(known: World, roblox: Sender) -> None:
    roblox.erase(USER)
    tasks.carry_out_erasures()
    go_on()
    known.save(USER, entry(), 1250)
    go_on(dt.timedelta(minutes=5))
    assert kept_by_roblox(known) != []
    go_on(LONG_AFTER)
    assert kept_by_roblox(known) == []
    assert ErasureOrder.objects.get().status == "open"
    go_on(2 * LONG_AFTER)
    assert ErasureOrder.objects.get().status == "done"


def test_nothing_is_deleted_while_writing_is_off(
    known: World, roblox: Sender, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.ROBLOX_WRITES = False
    there = kept_by_roblox(known)
    roblox.erase(USER)
    go_on()
    assert kept_by_roblox(known) == there
    order = ErasureOrder.objects.get()
    assert order.status == "open"
    assert "ROBLOX_WRITES" in order.reason
    assert everywhere(NAME, DISPLAY) == []  # our own tables are erased at once
    call_command("erasures", "list")
    said = capsys.readouterr().out
    assert all(word in said for word in (str(USER), "nexus, training_site", "ROBLOX_WRITES"))
    settings.ROBLOX_WRITES = True
    experiences.set_writes("training_site", False, actor=TESTER, reason="a look")
    go_on()
    assert all(str(TRAINING) in place for place in kept_by_roblox(known))
    assert "sync writes training_site on" in ErasureOrder.objects.get().reason
    experiences.set_writes("training_site", True, actor=TESTER, reason="a look")
    go_on()
    go_on(LONG_AFTER)
    go_on(2 * LONG_AFTER)
    assert kept_by_roblox(known) == []
    assert ErasureOrder.objects.get().status == "done"


def test_without_a_key_an_order_waits_and_says_which(
    known: World, roblox: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ROBLOX_OPEN_CLOUD_API_KEY")
    roblox.erase(USER)
    go_on()
    order = ErasureOrder.objects.get()
    assert "set ROBLOX_OPEN_CLOUD_API_KEY" in order.reason
    assert order.retry_at > timezone.now()


def test_an_order_outlasts_an_outage(known: World, roblox: Sender) -> None:
    known.faults({"kind": "503", "operations": ["orderedEntryDelete", "dataStoreEntryDelete"]})
    roblox.erase(USER)
    go_on()
    order = ErasureOrder.objects.get()
    assert (order.status, order.attempts, bool(order.reason)) == ("open", 1, True)
    known.faults(
        {"kind": "timeoutAfter", "operations": ["dataStoreEntryDelete"], "count": 2, "seconds": 0.1}
    )
    go_on()
    go_on(LONG_AFTER)
    go_on(2 * LONG_AFTER)
    assert kept_by_roblox(known) == []
    assert ErasureOrder.objects.get().status == "done"


STEP = """
import django
django.setup()
from syncs.privacy import datastores
datastores.step()
"""


def test_a_kill_between_two_deletions_leaves_nothing(known: World, roblox: Sender) -> None:
    roblox.erase(USER)
    known.control("calls/reset")
    known.faults({"kind": "timeoutAfter", "operations": ["dataStoreEntryDelete"], "seconds": 9})
    process = subprocess.Popen(
        [sys.executable, "-c", STEP],
        cwd=BASE_DIR,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "grps_site.settings",
            "DATABASE_URL": database_url(),
            "OPEN_CLOUD_URL": known.url,
            "OPEN_CLOUD_BUDGETS": ",".join(f"{name}=off" for name in BUDGETS),
            "ROBLOX_WRITES": "on",
            "ROBLOX_WEBHOOK_SECRET": SECRET,
        },
    )
    deadline = time.monotonic() + UNTIL
    while f"{NEXUS} GRPS_Points" in kept_by_roblox(known) and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    known.faults()
    there = kept_by_roblox(known)
    assert f"{NEXUS} GRPS_Points" not in there
    assert f"{NEXUS} GRPS_State" in there

    go_on()
    assert kept_by_roblox(known) == there  # the dead process's lease is still valid
    ErasureOrder.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    go_on()
    go_on(LONG_AFTER)
    assert kept_by_roblox(known) == []
    assert everywhere(NAME, DISPLAY, str(USER)) == []
    assert ErasureOrder.objects.get().status == "done"
    assert AuditEvent.objects.filter(action="erasure.completed").count() == 1
    assert AuditEvent.objects.filter(action="player.erased").count() == 1


def test_an_operators_word_closes_an_order(
    known: World, roblox: Sender, capsys: pytest.CaptureFixture[str]
) -> None:
    roblox.erase(USER, "n-1")
    order = ErasureOrder.objects.get()
    with pytest.raises(CommandError, match="left are nexus, training_site"):
        call_command(
            "erasures",
            "done",
            str(order.pk),
            "--experience=nowhere",
            "--reason=by hand in Creator Hub",
        )
    with pytest.raises(CommandError, match="reason"):
        call_command("erasures", "done", str(order.pk), "--reason= ")
    call_command(
        "erasures", "done", str(order.pk), "--experience=nexus", "--reason=by hand in Creator Hub"
    )
    assert "left: training_site" in capsys.readouterr().out
    call_command("erasures", "done", str(order.pk), "--reason=by hand in Creator Hub")
    order.refresh_from_db()
    assert (order.status, order.user_id) == ("done", None)
    assert everywhere(NAME, DISPLAY, str(USER)) == []
    confirmed = AuditEvent.objects.filter(action="erasure.confirmed").order_by("pk")
    assert [event.details["experiences"] for event in confirmed] == [["nexus"], ["training_site"]]
    completed = AuditEvent.objects.get(action="erasure.completed").details
    assert {one["by"] for one in completed["stores"].values()} == {"staff:shell"}
    capsys.readouterr()
    call_command("erasures", "list", "--all")
    assert "done" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no open erasure order"):
        call_command("erasures", "done", str(order.pk), "--reason=again")
    seal_all()
    assert verify().findings == []


def test_an_order_that_came_by_mail_is_taken_down_by_hand(
    known: World, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("erasures", "order", str(USER), f"--reason=a message of Roblox about {NAME}")
    assert "tables erased" in capsys.readouterr().out
    assert everywhere(NAME, DISPLAY) == []
    go_on()
    go_on(LONG_AFTER)
    assert kept_by_roblox(known) == []
    seal_all()
    assert verify().findings == []
    with pytest.raises(CommandError, match="not a Roblox user id"):
        call_command("erasures", "order", "0", "--reason=a message")


def test_erasing_by_command_reaches_the_data_stores(known: World) -> None:
    call_command("player", "erase", str(USER), "--reason=a message of Roblox")
    go_on()
    assert kept_by_roblox(known) == []


def test_two_orders_for_one_person_are_both_closed(known: World, roblox: Sender) -> None:
    roblox.erase(USER, "n-1")
    roblox.erase(USER, "n-2")
    assert tasks.carry_out_erasures() == 2
    go_on()
    go_on(LONG_AFTER)
    assert list(ErasureOrder.objects.values_list("status", flat=True)) == ["done", "done"]
    assert AuditEvent.objects.filter(action="player.erased").count() == 1


def test_an_order_past_half_of_its_time_shows_in_the_metrics(
    community: World, roblox: Sender, settings: Any
) -> None:
    settings.METRICS_TOKEN = "t"
    roblox.erase(USER)

    def shown() -> str:
        return str(roblox.client.get("/metrics", headers={"Authorization": "Bearer t"}).content)

    assert 'grps_waiting{state="open",what="erasures"} 1.0' in shown()
    ago = timezone.now() - dt.timedelta(days=16)
    ErasureOrder.objects.update(received_at=ago, due_at=ago + dt.timedelta(days=30))
    assert 'grps_waiting{state="late",what="erasures"} 1.0' in shown()


def test_the_database_closes_no_order_that_names_somebody(community: World, roblox: Sender) -> None:
    roblox.erase(USER)
    with pytest.raises(IntegrityError, match="forget_when_done"):
        ErasureOrder.objects.update(status="done")


def test_staff_see_orders_and_notifications_in_the_console(roblox: Sender) -> None:
    browser = owner_client()
    roblox.erase(USER, "n-1")
    assert "n-1" in browser.get("/admin/webhooks/robloxnotification/").content.decode()
    assert "open" in browser.get("/admin/players/erasureorder/").content.decode()
    order = ErasureOrder.objects.get()
    detail = browser.get(f"/admin/players/erasureorder/{order.pk}/change/").content.decode()
    assert "2345" in detail
    assert order.mark not in detail
