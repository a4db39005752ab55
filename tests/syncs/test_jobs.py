"""Jobs: requested once, run by one process, stopped on demand, resumed after a crash."""

import datetime as dt
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from audits.models import AuditEvent
from common import leases
from common.environment import BASE_DIR
from common.errors import Refused
from common.leases import LeaseLost
from grps_site.http import request_signing
from grps_site.management.commands.bootstrap import PERIODIC
from players.models import LedgerEntry, Player
from players.points import consistency
from roblox.models import Experience
from syncs import jobs, tasks
from syncs.models import SyncJob
from syncs.pull import runner
from syncs.pull.runner import run
from tests.conftest import TESTER, Live, database_url
from tests.roblox_world import KEY, NEXUS, TRAINING, World

Pull = Callable[..., SyncJob]


def request(
    experience: Experience | None, activity: str = "points", token: str = "", **options: Any
) -> SyncJob:
    how = jobs.Options(**options)
    return jobs.request(activity, experience, actor=TESTER, options=how, token=token)[0]


def test_asking_twice_is_one_job(nexus: Experience) -> None:
    first = request(nexus)
    assert request(nexus).pk == first.pk
    with pytest.raises(jobs.AlreadyActive, match="other options"):
        request(nexus, dry_run=True)
    assert SyncJob.objects.count() == 1


def test_the_database_refuses_two_active_jobs(
    nexus: Experience,
) -> None:
    job = request(nexus)
    with pytest.raises(IntegrityError, match="sync_jobs_one_active"), transaction.atomic():
        SyncJob.objects.create(activity="points", experience=nexus, requested_by="x")
    with pytest.raises(IntegrityError, match="sync_jobs_running_is_leased"), transaction.atomic():
        SyncJob.objects.filter(pk=job.pk).update(status="running")


@pytest.mark.parametrize(
    ("activity", "of"), [("members", "nexus"), ("points", None), ("everything", None)]
)
def test_an_activity_and_its_experience_must_fit(
    community: World, activity: str, of: str | None
) -> None:
    experience = Experience.objects.get(key=of) if of else None
    with pytest.raises(Refused):
        request(experience, activity)


def test_a_held_job_is_nobody_elses(nexus: Experience) -> None:
    job = request(nexus)
    assert jobs.claim_one(job.pk) is not None
    assert jobs.claim_one(job.pk) is None
    assert jobs.claim_one() is None


def test_a_lease_dated_by_a_wrong_clock_holds_nobody_up(nexus: Experience) -> None:
    job = request(nexus)
    with time_machine.travel(timezone.now() + dt.timedelta(days=1), tick=True):
        assert jobs.claim_one(job.pk) is not None
    assert SyncJob.objects.get().lease_until < timezone.now() + dt.timedelta(minutes=1)  # type: ignore[operator]
    SyncJob.objects.update(
        lease_until=timezone.now() + dt.timedelta(days=1)
    )  # as an earlier version wrote it
    assert jobs.release_dead() == 1
    assert jobs.claim_one(job.pk) is not None


def test_a_try_put_off_by_a_wrong_clock_comes_in_time(nexus: Experience) -> None:
    held = jobs.claim_one(request(nexus).pk)
    assert held is not None
    with time_machine.travel(timezone.now() + dt.timedelta(days=1), tick=True):
        jobs.reschedule(held, "Roblox is busy.", dt.timedelta(seconds=5), failed=True)
    assert SyncJob.objects.get().retry_at < timezone.now() + dt.timedelta(minutes=1)


def test_what_a_killed_process_held_is_taken_up_within_a_minute() -> None:
    """Lease, sweep and one push turn, which may occupy the worker first, take less than 60 s."""
    assert leases.LEASE.total_seconds() + PERIODIC["syncs.run_jobs"] + tasks.PUSH_TURN < 60


def test_a_job_whose_process_died_is_queued_and_goes_on(
    nexus: Experience, community: World
) -> None:
    community.seed(50)
    dead = jobs.claim_one(request(nexus).pk)
    assert dead is not None
    SyncJob.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    dead.refresh_from_db()
    assert jobs.present_status(dead, timezone.now()) == "queued"
    assert jobs.release_dead() == 1
    assert SyncJob.objects.get().status == "queued"
    assert tasks.run_jobs() == 1
    assert SyncJob.objects.get().status == "done"


def test_a_zombie_writes_nothing(nexus: Experience, community: World) -> None:
    community.seed(50)
    zombie = jobs.claim_one(request(nexus).pk)
    assert zombie is not None
    SyncJob.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    other = jobs.claim_one(zombie.pk)
    assert other is not None
    with pytest.raises(LeaseLost):
        jobs.checkpoint(zombie, {"token": "stale"}, {})
    run(zombie)
    assert SyncJob.objects.get().status == "running"
    run(other)
    assert (SyncJob.objects.get().status, Player.objects.count()) == ("done", 50)


def test_a_cancelled_job_keeps_what_has_landed(
    nexus: Experience, community: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    community.seed(300)
    held = jobs.claim_one(request(nexus).pk)
    assert held is not None

    def cancel(job: SyncJob, page: Any) -> None:
        jobs.cancel(job.pk, actor=TESTER)

    monkeypatch.setattr(runner, "BEAT", 0.0)
    run(held, report=cancel)
    job = SyncJob.objects.get()
    assert (job.status, Player.objects.count()) == ("cancelled", 100)
    assert AuditEvent.objects.filter(action="sync.finished").count() == 1


def test_a_paused_job_goes_on_where_it_was(nexus: Experience, community: World) -> None:
    community.seed(150)
    job = request(nexus)
    jobs.pause(job.pk, actor=TESTER)
    assert jobs.claim_one(job.pk) is None
    jobs.resume(job.pk, actor=TESTER)
    assert tasks.run_jobs() == 1
    assert SyncJob.objects.get().status == "done"
    with pytest.raises(Refused, match="is done"):
        jobs.cancel(job.pk, actor=TESTER)


def test_pausing_and_resuming_is_recorded_with_who_and_why(nexus: Experience) -> None:
    job = request(nexus)
    for _ in range(2):  # pausing again records nothing
        jobs.pause(job.pk, actor=TESTER, reason="Roblox is in maintenance")
    jobs.resume(job.pk, actor=TESTER, reason="it is back")
    events = AuditEvent.objects.filter(action__in=["sync.paused", "sync.resumed"]).order_by("pk")
    assert [
        (event.action, event.actor_id, event.personal.get(field="reason").value) for event in events
    ] == [
        ("sync.paused", TESTER.id, "Roblox is in maintenance"),
        ("sync.resumed", TESTER.id, "it is back"),
    ]


def test_an_idle_job_is_cancelled_at_once(nexus: Experience) -> None:
    job = request(nexus)
    assert jobs.cancel(job.pk, actor=TESTER).status == "cancelled"
    assert request(nexus).pk != job.pk


def test_trouble_at_roblox_puts_a_job_off_in_words(
    nexus: Experience, community: World, pull: Pull
) -> None:
    community.seed(10)
    community.faults({"kind": "503", "operations": ["orderedEntryList"], "rate": 1.0})
    job = pull("points", nexus)
    assert (job.status, job.attempts) == ("queued", 1)
    assert "Roblox has trouble (status 503)" in job.error
    assert job.retry_at > timezone.now()
    community.faults()
    SyncJob.objects.update(retry_at=timezone.now())
    tasks.run_jobs()
    assert SyncJob.objects.get().status == "done"


def test_a_key_that_vanished_fails_the_job_with_what_to_do(
    nexus: Experience, community: World, pull: Pull
) -> None:
    community.http.delete(f"/_emulator/keys/{KEY}")
    job = pull("points", nexus)
    assert job.status == "failed"
    assert "make a new one in Creator Hub" in job.error


def test_a_missing_setting_fails_the_job_with_its_name(
    nexus: Experience, pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROBLOX_OPEN_CLOUD_API_KEY", "")
    assert "ROBLOX_OPEN_CLOUD_API_KEY" in pull("points", nexus).error


def test_a_forgotten_page_token_restarts_the_listing(nexus: Experience, community: World) -> None:
    community.seed(150)
    job = request(nexus, token="bm9uc2Vuc2U=")
    tasks.run_jobs()
    job.refresh_from_db()
    assert (job.status, Player.objects.count()) == ("done", 150)
    assert "starts again" in str(job.steps)


STORM = [
    {"kind": "429", "operations": ["*"], "rate": 0.04, "retryAfter": 0.05},
    {"kind": "500", "operations": ["*"], "rate": 0.03},
    {"kind": "503", "operations": ["*"], "rate": 0.03},
    {"kind": "drop", "operations": ["*"], "rate": 0.03},
    {"kind": "truncate", "operations": ["*"], "rate": 0.03},
    {"kind": "timeoutAfter", "operations": ["*"], "rate": 0.02, "seconds": 0.05},
    {"kind": "duplicatePage", "operations": ["*"], "rate": 0.2},
]


def rows_of(origin: str) -> list[tuple[Any, ...]]:
    columns = ("player__user_id", "session", "sequence", "magnitude", "awarded", "total")
    return list(LedgerEntry.objects.filter(origin=origin).order_by(*columns).values_list(*columns))


def test_a_storm_ends_in_the_same_tables_as_a_calm_run(
    nexus: Experience, community: World, pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Players whose every try fails are left for the next pull, which this test does not cover.
    monkeypatch.setattr("roblox.open_cloud.client.TRIES", 12)
    players = 2000 if os.environ.get("GRPS_LONG") else 250
    for universe in (NEXUS, TRAINING):
        community.seed(players, universeId=universe, format="grps")
    assert pull("points", nexus).status == "done"
    community.faults(*STORM)
    stormy = request(Experience.objects.get(key="training_site"), full=True)
    deadline = time.monotonic() + 300
    while SyncJob.objects.get(pk=stormy.pk).status not in {"done", "failed"}:
        assert time.monotonic() < deadline
        SyncJob.objects.filter(status="queued").update(retry_at=timezone.now())
        tasks.run_jobs()
    assert SyncJob.objects.get(pk=stormy.pk).status == "done"
    assert rows_of("training_site") == rows_of("nexus")
    assert consistency.verify() == []


def test_a_killed_pull_ends_as_if_it_never_was(nexus: Experience, community: World) -> None:
    kills = 12 if os.environ.get("GRPS_LONG") else 3
    community.seed(1500, format="grps")
    job = request(nexus, full=True)
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "OPEN_CLOUD_URL": community.url,
        "OPEN_CLOUD_BUDGETS": "dataStoreRead=off,dataStoreList=off",
        "LOG_LEVEL": "ERROR",
    }
    command = [sys.executable, "manage.py", "sync", "points", "nexus", "--full"]
    for kill in range(kills):
        process = subprocess.Popen(
            command, cwd=BASE_DIR, env=environment, stdout=subprocess.DEVNULL
        )
        done = Player.objects.count()
        deadline = time.monotonic() + 60
        while (
            process.poll() is None
            and Player.objects.count() < done + 100
            and time.monotonic() < deadline
        ):
            time.sleep(0.02)
        time.sleep(0.05 * kill)
        process.send_signal(signal.SIGKILL)
        process.wait()
        SyncJob.objects.filter(pk=job.pk).update(
            lease_until=timezone.now() - dt.timedelta(seconds=1)
        )
    while (job := SyncJob.objects.get(pk=job.pk)).status != "done":
        assert job.status in {"queued", "running"}, job.error
        tasks.run_jobs()
    assert Player.objects.count() == 1500
    assert job.counters["listed"] == 1500
    assert (
        LedgerEntry.objects.count()
        == LedgerEntry.objects.values("player", "session", "sequence").distinct().count()
    )
    assert consistency.verify() == []
    shown = {
        entry["id"]: entry["value"]
        for entry in community.http.get(
            f"/cloud/v2/universes/{NEXUS}/ordered-data-stores/GRPS_Points_Index/scopes/global/entries?maxPageSize=100",
            headers={"x-api-key": KEY},
        ).json()["orderedDataStoreEntries"]
    }
    ours = dict(Player.objects.filter(user_id__in=shown).values_list("user_id", "points"))
    assert {str(user_id): int(points * 100) for user_id, points in ours.items()} == shown


def test_the_command_pulls_and_says_how_it_went(
    community: World, nexus: Experience, capsys: pytest.CaptureFixture[str]
) -> None:
    community.seed(120)
    call_command("sync", "points", "nexus", "--dry-run")
    assert "-> " in capsys.readouterr().out
    assert not Player.objects.exists()
    call_command("sync", "points", "nexus")
    assert "points nexus: done. 120 listed, 120 read" in capsys.readouterr().out
    community.http.delete(f"/_emulator/keys/{KEY}")
    with pytest.raises(SystemExit) as ended:
        call_command("sync", "points", "nexus")
    assert ended.value.code == 1


def test_a_signed_call_asks_for_a_pull_and_follows_it(world: World, live: Live) -> None:
    answer = live.signed(
        "POST", "/sync/roblox", {"activity": "points", "experience": "nexus", "dryRun": True}
    )
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert answer.headers["Location"] == f"/sync/jobs/{body['id']}"
    assert (body["activity"], body["experience"], body["status"], body["dryRun"]) == (
        "points",
        "nexus",
        "queued",
        True,
    )
    again = live.signed(
        "POST", "/sync/roblox", {"activity": "points", "experience": "nexus", "dryRun": True}
    )
    assert again.json()["id"] == body["id"]
    other = live.signed("POST", "/sync/roblox", {"activity": "points", "experience": "nexus"})
    assert other.status_code == 409
    assert "other options" in other.json()["detail"]
    both = live.signed("POST", "/sync/roblox", {"activity": "restrictions"}).json()
    assert len(both["jobs"]) == 2
    listed = live.signed("GET", "/sync/jobs?limit=2").json()
    assert [job["id"] for job in listed["jobs"]] == sorted(both["jobs"], reverse=True)
    assert (
        live.signed("GET", f"/sync/jobs?after={listed['next']}").json()["jobs"][0]["id"]
        == body["id"]
    )
    cancelled = live.signed("POST", f"/sync/jobs/{body['id']}/cancel")
    assert cancelled.json()["status"] == "cancelled"
    assert live.signed("POST", f"/sync/jobs/{body['id']}/cancel").status_code == 409
    assert live.signed("GET", "/sync/jobs/999999999").status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"activity": "everything"}, 400, "activity"),
        ({"activity": "points", "experience": "moon"}, 404, "moon"),
        ({"activity": "points", "limit": 0}, 400, "limit"),
        ({"activity": "members", "experience": "nexus"}, 400, "group"),
        ({"activity": "points", "speed": "fast"}, 400, "speed"),
    ],
)
def test_a_wrong_request_is_refused_by_its_field(
    world: World, live: Live, body: Any, status: int, said: str
) -> None:
    answer = live.signed("POST", "/sync/roblox", body)
    assert answer.status_code == status
    assert said in answer.text


def test_nobody_asks_for_a_pull_without_a_signature(live: Live) -> None:
    assert live.http.post("/sync/roblox", json={"activity": "points"}).status_code == 401


def test_an_answer_can_wait_for_the_end(world: World, live: Live) -> None:
    world.seed(20)

    def work() -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not tasks.run_jobs():
            time.sleep(0.1)
        connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    body = b'{"activity": "points", "experience": "nexus"}'
    headers = request_signing.sign(
        settings.AUTOMATION_SIGNATURE_SECRET, "POST", "/sync/roblox", body
    )
    answer = live.http.post(
        "/sync/roblox",
        content=body,
        headers=headers | {"Content-Type": "application/json", "Prefer": "wait=25"},
    )
    worker.join()
    assert answer.json()["status"] == "done"
    assert answer.json()["counters"]["listed"] == 20
