import json
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from audits.models import AuditEvent
from devserver.management.commands import ready as ready_command
from grps_site import celery_app
from players.models import Player, PolicyVersion, Rank
from roblox import keys
from roblox.models import Experience, ExperienceKey
from tests.conftest import TESTER
from tests.console.people import client_with_role


def counts() -> dict[str, int]:
    models = (Experience, PolicyVersion, Rank, PeriodicTask, AuditEvent)
    return {model.__name__: model._default_manager.count() for model in models}


@pytest.mark.django_db
def test_a_first_start_makes_everything_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("bootstrap")
    said = capsys.readouterr().out
    assert set(Experience.objects.values_list("key", flat=True)) == {"nexus", "training_site"}
    assert PolicyVersion.objects.get(is_active=True).number == 1
    assert Rank.objects.count() == 24
    assert all(
        word in said for word in ("nexus", "training_site", "Policy version 1", "audits.seal")
    )


@pytest.mark.django_db
def test_a_second_start_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("bootstrap", quiet=True)
    before = counts()
    assert capsys.readouterr().out == ""
    call_command("bootstrap")
    assert counts() == before
    assert "already" in capsys.readouterr().out


@pytest.mark.django_db
def test_what_staff_changed_stays_changed() -> None:
    call_command("bootstrap", quiet=True)
    PeriodicTask.objects.filter(name="audits.seal").update(enabled=False)
    call_command("bootstrap", quiet=True)
    assert not PeriodicTask.objects.get(name="audits.seal").enabled


@pytest.mark.django_db(transaction=True)
def test_two_at_once_do_the_work_of_one() -> None:
    failures = []

    def run() -> None:
        try:
            call_command("bootstrap", quiet=True)
        except Exception as error:  # noqa: BLE001 - checked by the test
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert AuditEvent.objects.filter(action="experience.created").count() == 2
    assert PolicyVersion.objects.count() == 1


@pytest.mark.django_db
def test_a_defect_leaves_nothing_half_done(settings: Any, tmp_path: Path) -> None:
    settings.POLICY_DIR = tmp_path
    with pytest.raises((CommandError, OSError)):
        call_command("bootstrap", quiet=True)
    assert not Experience.objects.exists()


@pytest.mark.django_db
def test_a_universe_id_that_is_no_number_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROBLOX_UNIVERSE_ID", "nexus")
    with pytest.raises(CommandError, match="ROBLOX_UNIVERSE_ID"):
        call_command("bootstrap", quiet=True)


@pytest.mark.django_db
def test_an_experience_follows_its_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    call_command("bootstrap", quiet=True)
    monkeypatch.setenv("ROBLOX_UNIVERSE_ID", "123456")
    call_command("bootstrap", quiet=True)
    assert Experience.objects.get(key="nexus").universe_id == 123456
    assert Experience.objects.get(key="training_site").universe_id is None
    assert AuditEvent.objects.filter(action="experience.changed", experience="nexus").count() == 1


@pytest.mark.django_db
def test_every_periodic_task_exists() -> None:
    call_command("bootstrap", quiet=True)
    celery_app.loader.import_default_modules()
    scheduled = set(
        PeriodicTask.objects.exclude(task="celery.backend_cleanup").values_list("task", flat=True)
    )
    assert (
        {"audits.seal", "players.evaluate_due", "grps_site.heartbeat"}
        <= scheduled
        <= set(celery_app.tasks)
    )


@pytest.mark.django_db
def test_an_auditor_sees_the_audit_log_and_changes_nothing() -> None:
    call_command("bootstrap", quiet=True)
    rank, now = Rank.objects.get(name="Initiate"), timezone.now()
    player = Player.objects.create(
        user_id=1, username="ada", rank=rank, rank_since=now, named_at=now
    )
    client = client_with_role(player, "auditor")
    event = AuditEvent.objects.values_list("pk", flat=True)[0]
    assert client.get("/admin/audits/auditevent/").status_code == 200
    assert (
        client.post(f"/admin/audits/auditevent/{event}/delete/", {"post": "yes"}).status_code == 403
    )
    assert client.post("/admin/experiences/nexus/rotate/").status_code == 403


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bootstrapped: None) -> Path:
    monkeypatch.setattr(ready_command, "STATE_DIR", tmp_path)
    return tmp_path


def ready(state: Path) -> dict[str, Any]:
    call_command("ready", url="http://127.0.0.1:8000")
    found: dict[str, Any] = json.loads((state / "ready.json").read_text())
    return found


def test_ready_says_how_to_reach_everything(state: Path, client: Client, settings: Any) -> None:
    said = ready(state)
    assert said["url"] == "http://127.0.0.1:8000"
    assert client.login(**said["admin"])
    assert [experience["key"] for experience in said["experiences"]] == ["nexus", "training_site"]
    for experience in said["experiences"]:
        assert keys.authenticate(experience["apiKey"]).key == experience["key"]
    assert said["signatureSecret"] == settings.AUTOMATION_SIGNATURE_SECRET
    assert {"databaseUrl", "redisUrl", "metricsToken"} <= set(said)


def test_ready_is_for_its_owner_alone(state: Path) -> None:
    ready(state)
    for file in state.glob("*.json"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_ready_keeps_the_keys_that_still_open(state: Path) -> None:
    first = ready(state)
    assert ready(state)["experiences"] == first["experiences"]
    assert ExperienceKey.objects.count() == 2


def test_ready_replaces_a_key_that_was_revoked(state: Path) -> None:
    first = ready(state)
    keys.revoke(
        ExperienceKey.objects.get(experience__key="nexus"), actor=TESTER, reason="it leaked"
    )
    second = ready(state)
    assert first["experiences"][0] != second["experiences"][0]
    assert first["experiences"][1] == second["experiences"][1]
    assert keys.authenticate(second["experiences"][0]["apiKey"]).key == "nexus"


def test_ready_refuses_production(state: Path, settings: Any) -> None:
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="production"):
        call_command("ready", url="http://127.0.0.1:8000")
    assert not User.objects.exists()
