"""`manage.py secrets`: what it writes, what it refuses, and that no value is shown or stored."""

import base64
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from audits.actions import Action
from audits.chain import key_rotation, sealing
from audits.models import AuditEvent
from audits.record import Target, operator, record
from common import previous_secrets
from common.encryption import seal, unseal
from grps_site.models import PreviousSecretUse, SecretFingerprint
from grps_site.secret_rotation.catalogue import SECRETS
from players.models import Approval, ErasureOrder
from players.privacy import marks, orders
from tests.audits.streams.test_streams import Server
from tests.conftest import database_url
from webhooks.models import WebhookEndpoint

pytestmark = pytest.mark.django_db
PAIRS = {one.name: one.previous for one in SECRETS if one.previous}


def run(*command: str) -> str:
    out, err = StringIO(), StringIO()
    call_command("secrets", *command, stdout=out, stderr=err)
    return out.getvalue()


def refusal(*command: str) -> str:
    with pytest.raises(CommandError) as refused:
        run(*command)
    return str(refused.value)


def assigned(output: str) -> dict[str, str]:
    """Return the variables that a command printed."""
    pairs = (line.partition("=") for line in output.splitlines() if not line.startswith("#"))
    return {name: value.strip("'") for name, _, value in pairs}


def new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder from which METRICS_TOKEN and its previous value are read."""
    for name, text in (("METRICS_TOKEN", "the first token\n"), ("METRICS_TOKEN_PREVIOUS", "")):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_rotation_writes_both_files_privately(files: Path) -> None:
    (files / "METRICS_TOKEN").chmod(0o644)
    said = run("rotate", "METRICS_TOKEN")
    new, former = (
        (files / "METRICS_TOKEN").read_text(),
        (files / "METRICS_TOKEN_PREVIOUS").read_text(),
    )
    assert former == "the first token\n"
    assert len(new.strip()) >= 48
    assert new.strip() not in said
    assert {stat.S_IMODE(one.stat().st_mode) for one in files.iterdir()} == {0o600}
    assert sorted(one.name for one in files.iterdir()) == [
        "METRICS_TOKEN",
        "METRICS_TOKEN_PREVIOUS",
    ]
    assert "less than an hour ago" in refusal("finish", "METRICS_TOKEN")
    SecretFingerprint.objects.update(first_seen=timezone.now() - timezone.timedelta(hours=2))
    run("finish", "METRICS_TOKEN")
    assert (files / "METRICS_TOKEN_PREVIOUS").read_text() == ""
    assert (files / "METRICS_TOKEN").read_text() == new


def test_a_file_keeps_its_owner(files: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can give a file to another account")
    os.chown(files / "METRICS_TOKEN", 1234, 1235)
    run("rotate", "METRICS_TOKEN")
    there = (files / "METRICS_TOKEN").stat()
    assert (there.st_uid, there.st_gid, stat.S_IMODE(there.st_mode)) == (1234, 1235, 0o600)


def test_a_file_that_cannot_be_written_changes_nothing(files: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("METRICS_TOKEN_PREVIOUS_FILE", "/proc/no/file")
    monkeypatch.setattr("grps_site.secret_rotation.catalogue.environment.secrets", lambda _: [])
    assert "cannot be written" in refusal("rotate", "METRICS_TOKEN")
    assert (files / "METRICS_TOKEN").read_text() == "the first token\n"
    assert not AuditEvent.objects.filter(action="system_secret.rotated").exists()


def test_a_file_that_cannot_be_replaced_leaves_no_copy_of_the_value(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a file that is mounted alone into a container."""

    def busy(*_: Any) -> None:
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(Path, "replace", busy)
    assert "cannot be written" in refusal("rotate", "METRICS_TOKEN")
    assert len(list(files.iterdir())) == 2


def test_the_first_file_is_put_back_if_the_second_cannot_be_replaced(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def busy(draft: Path, file: Path) -> Path:
        if file.name == "METRICS_TOKEN":
            raise OSError(16, "Device or resource busy")
        return replace(draft, file)

    monkeypatch.setattr(Path, "replace", busy)
    assert "No file was changed, but the audit log has the act" in refusal(
        "rotate", "METRICS_TOKEN"
    )
    found = {one.name: one.read_text() for one in files.iterdir()}
    assert found == {"METRICS_TOKEN": "the first token\n", "METRICS_TOKEN_PREVIOUS": ""}


def test_a_commit_that_fails_leaves_the_signing_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    @contextmanager
    def lost() -> Iterator[None]:
        yield
        raise OperationalError("the server closed the connection")

    file = tmp_path / "key"
    file.write_text(f"{settings.AUDIT_SIGNING_KEY}\n")
    monkeypatch.delenv("AUDIT_SIGNING_KEY", raising=False)
    monkeypatch.setenv("AUDIT_SIGNING_KEY_FILE", str(file))
    monkeypatch.setattr("grps_site.secret_rotation.rotation.transaction.atomic", lost)
    assert "closed the connection" in refusal("rotate", "AUDIT_SIGNING_KEY")
    assert file.read_text() == f"{settings.AUDIT_SIGNING_KEY}\n"
    assert list(tmp_path.iterdir()) == [file]


def test_the_former_signing_key_stays_until_the_present_one_has_sealed(settings: Any) -> None:
    seed = new_key()
    with transaction.atomic():
        key_rotation.rotate(seed, actor=operator())
    sealing.seal_pending()  # a worker that was not restarted yet
    settings.AUDIT_SIGNING_KEY = seed
    with patch("grps_site.secret_rotation.overlap.SEALING", timezone.timedelta(0)):
        assert "the newest seal is not of the present key" in refusal("finish", "AUDIT_SIGNING_KEY")
        record(Action.SYSTEM_SECRET_FINISHED, actor=operator(), target=Target("secret", "X", ""))
        sealing.seal_pending()
        run("finish", "AUDIT_SIGNING_KEY")


@pytest.mark.parametrize("name", PAIRS)
def test_the_present_value_moves_into_the_overlap(
    name: str, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.ERASURE_MARK_KEYS = [new_key()]
    monkeypatch.setenv(name, "the present value")
    monkeypatch.delenv(PAIRS[name], raising=False)
    said = assigned(run("rotate", name))
    assert said[PAIRS[name]] == "the present value"
    assert said[name] != "the present value"
    for variable, value in said.items():
        monkeypatch.setenv(variable, value)
    assert assigned(run("finish", name, "--force")) == {PAIRS[name]: ""}


def test_a_value_that_another_system_makes_is_read_from_standard_input(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ROBLOX_OPEN_CLOUD_API_KEY", "old")
    assert "--stdin" in refusal("rotate", "ROBLOX_OPEN_CLOUD_API_KEY")
    monkeypatch.setattr("sys.stdin", StringIO("new\n"))
    said = assigned(run("rotate", "ROBLOX_OPEN_CLOUD_API_KEY", "--stdin"))
    assert said == {"ROBLOX_OPEN_CLOUD_API_KEY": "new,old"}


def test_a_secret_without_an_overlap_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    value = "audit=https://m.example.org/a,backup=https://m.example.org/b"
    monkeypatch.setattr("sys.stdin", StringIO(f"{value}\n"))
    out, err = StringIO(), StringIO()
    call_command("secrets", "rotate", "HEARTBEAT_URLS", "--stdin", stdout=out, stderr=err)
    assert out.getvalue() == f"HEARTBEAT_URLS='{value}'\n"
    assert err.getvalue() == "Restart nothing: a command reads it when it starts.\n"
    monkeypatch.setenv("HEARTBEAT_URLS", value)
    states = {one["name"]: one for one in json.loads(run("status", "--json"))}
    assert states["HEARTBEAT_URLS"]["count"] == 1
    assert SecretFingerprint.objects.filter(name="HEARTBEAT_URLS").count() == 1


def test_an_open_overlap_is_not_overwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METRICS_TOKEN", "second")
    monkeypatch.setenv("METRICS_TOKEN_PREVIOUS", "first")
    assert "secrets finish METRICS_TOKEN" in refusal("rotate", "METRICS_TOKEN")


def test_finish_refuses_while_the_previous_value_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("METRICS_TOKEN", "second")
    monkeypatch.setenv("METRICS_TOKEN_PREVIOUS", "first")
    monkeypatch.setattr(previous_secrets, "_noted", {})
    before = previous_secrets.USED.labels("METRICS_TOKEN")._value.get()
    assert previous_secrets.any_match("METRICS_TOKEN", [False, True])
    assert previous_secrets.USED.labels("METRICS_TOKEN")._value.get() == before + 1
    assert "was used at" in refusal("finish", "METRICS_TOKEN")
    PreviousSecretUse.objects.update(used_at=timezone.now() - timezone.timedelta(hours=2))
    assert assigned(run("finish", "METRICS_TOKEN")) == {"METRICS_TOKEN_PREVIOUS": ""}


def test_the_present_value_is_no_use_of_the_previous_one() -> None:
    assert previous_secrets.any_match("METRICS_TOKEN", [True, True])
    assert not previous_secrets.any_match("METRICS_TOKEN", [False, False])
    assert not PreviousSecretUse.objects.exists()


def test_the_django_key_waits_for_the_keys_of_marks(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.ERASURE_MARK_KEYS = []
    monkeypatch.delenv("ERASURE_MARK_KEYS", raising=False)
    assert "ERASURE_MARK_KEYS" in refusal("rotate", "DJANGO_SECRET_KEY")
    seeded = assigned(run("rotate", "ERASURE_MARK_KEYS"))["ERASURE_MARK_KEYS"]
    assert base64.b64decode(seeded) == marks.derive(settings.SECRET_KEY)


@pytest.mark.parametrize("release", ["this", "the one before"])
def test_marks_that_only_the_django_key_can_make_are_not_lost(
    release: str, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """The operator wrote a random key into ERASURE_MARK_KEYS after people had been erased."""
    settings.ERASURE_MARK_KEYS = []
    orders.order("n", 77, [], actor=orders.ROBLOX, now=timezone.now())
    if release == "the one before":
        ErasureOrder.objects.update(mark_key="")
    own = new_key()
    settings.ERASURE_MARK_KEYS = [own]
    monkeypatch.setenv("ERASURE_MARK_KEYS", own)
    monkeypatch.setenv("DJANGO_SECRET_KEY", settings.SECRET_KEY)
    monkeypatch.setenv("DJANGO_SECRET_KEY_FALLBACKS", "former")
    for act in ("rotate", "finish"):
        assert "Marks of erased people" in refusal(act, "DJANGO_SECRET_KEY", *_forced(act))
    written = assigned(run("rotate", "ERASURE_MARK_KEYS"))["ERASURE_MARK_KEYS"].split(",")
    assert written[1] == own
    assert base64.b64decode(written[2]) == marks.derive(settings.SECRET_KEY)
    settings.ERASURE_MARK_KEYS = written
    assert assigned(run("finish", "DJANGO_SECRET_KEY", "--force"))
    settings.SECRET_KEY = "another"
    assert ErasureOrder.objects.get().mark in marks.marks([77])


def _forced(act: str) -> list[str]:
    return ["--force"] if act == "finish" else []


def test_a_key_with_marks_is_never_dropped(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    unused, used = new_key(), new_key()
    settings.ERASURE_MARK_KEYS = [used]
    orders.order("n", 77, [], actor=orders.ROBLOX, now=timezone.now())
    monkeypatch.setenv("ERASURE_MARK_KEYS", f"{unused},{used}")
    assert "need all 1 former keys" in refusal("finish", "ERASURE_MARK_KEYS", "--force")
    newest = new_key()
    monkeypatch.setenv("ERASURE_MARK_KEYS", f"{newest},{unused},{used}")
    assert assigned(run("finish", "ERASURE_MARK_KEYS")) == {"ERASURE_MARK_KEYS": f"{newest},{used}"}
    assert ErasureOrder.objects.get().mark_key == marks.key_id(base64.b64decode(used))


def test_an_encryption_key_stays_while_values_need_it(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    old, new = new_key(), new_key()
    settings.FIELD_ENCRYPTION_KEYS = [old]
    row = WebhookEndpoint.objects.create(
        name="a",
        kind="standard",
        events=["*"],
        address_sealed=seal("https://example.org"),
        position=0,
    )
    request = Approval.objects.create(
        act="endpoint.add",
        arguments={"sealed": seal("an address")},
        cause="second",
        reason="a new receiver",
        requested_by="staff:1",
        expires_at=timezone.now(),
        event=1,
    )
    settings.FIELD_ENCRYPTION_KEYS = [new, old]
    monkeypatch.setenv("FIELD_ENCRYPTION_KEYS", f"{new},{old}")
    assert "2 values need an earlier key" in refusal("finish", "FIELD_ENCRYPTION_KEYS")
    assert "key 2 seals 2 values" in run("status")
    call_command("webhooks", "reseal", stdout=StringIO())
    assert assigned(run("finish", "FIELD_ENCRYPTION_KEYS")) == {"FIELD_ENCRYPTION_KEYS": new}
    settings.FIELD_ENCRYPTION_KEYS = [new]
    row.refresh_from_db()
    request.refresh_from_db()
    assert row.address == "https://example.org"
    assert unseal(request.arguments["sealed"]) == "an address"


def test_no_value_reaches_the_log_or_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METRICS_TOKEN", "a former value of this test")
    monkeypatch.delenv("METRICS_TOKEN_PREVIOUS", raising=False)
    new = assigned(run("rotate", "METRICS_TOKEN"))["METRICS_TOKEN"]
    run("status", "--json")
    event = AuditEvent.objects.get(action="system_secret.rotated")
    assert event.details["secret"] == "METRICS_TOKEN"
    stored = json.dumps(
        [event.details, *SecretFingerprint.objects.values_list("fingerprint", flat=True)]
    )
    for value in (new, "a former value of this test"):
        assert value not in stored
        assert hashlib.sha256(value.encode()).hexdigest() not in stored


def test_status_shows_ages_and_no_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METRICS_TOKEN", "hunter2-second")
    monkeypatch.setenv("METRICS_TOKEN_PREVIOUS", "hunter2-first")
    monkeypatch.delenv("TURNSTILE_SECRET_KEY", raising=False)
    run("status")
    SecretFingerprint.objects.update(first_seen=timezone.now() - timezone.timedelta(days=3))
    said = run("status")
    assert "METRICS_TOKEN: set by variable, 3 days old, overlap of 2 values since " in said
    assert "TURNSTILE_SECRET_KEY: not set; closed: public forms" in said
    assert "hunter2" not in said
    states = {one["name"]: one for one in json.loads(run("status", "--json"))}
    assert states["METRICS_TOKEN"]["overlap_since"]
    assert set(states) == {one.name for one in SECRETS}


def test_two_database_logins_take_turns(transactional_db: None, monkeypatch: Any) -> None:
    """The SQL of the command, run as an administrator, keeps both logins open until the end."""
    role = f"turns_{secrets.token_hex(4)}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'first'")
        cursor.execute(f"GRANT SELECT ON django_migrations TO {role}")
    first = (
        urlsplit(database_url())
        ._replace(
            netloc=f"{role}:first@{connection.settings_dict['HOST']}:{connection.settings_dict['PORT']}"
        )
        .geturl()
    )
    try:
        second = _switch(first, f"{role}_b", monkeypatch)
        _close(second, monkeypatch)
        assert not _is_open(first)
        third = _switch(second, f"{role}_a", monkeypatch)
        _close(third, monkeypatch)
        assert not _is_open(second)
        fourth = _switch(third, f"{role}_b", monkeypatch)
        assert _is_open(fourth)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP OWNED BY {role}")
            cursor.execute(f"DROP ROLE IF EXISTS {role}_a, {role}_b, {role}")


def _switch(url: str, role: str, monkeypatch: Any) -> str:
    """Rotate with the login of `url`, and return the new URL. Both are open."""
    monkeypatch.setenv("DATABASE_URL", url)
    new, sql = _as(url, "begin")
    _administer(sql)
    assert urlsplit(new).username == role
    assert "SCRAM-SHA-256$" in sql[0]
    assert str(urlsplit(new).password) not in " ".join(sql)
    assert _is_open(url)
    assert _is_open(new)
    return new


def _close(url: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    _administer(_as(url, "end"))


def _as(url: str, act: str) -> Any:
    """Run a function of `database_login` on a connection with this login."""
    from grps_site.secret_rotation import database_login

    own, given = connection.settings_dict, urlsplit(url)
    before = own["USER"], own["PASSWORD"]
    connection.close()
    own["USER"], own["PASSWORD"] = given.username, given.password
    try:
        return database_login.begin(url) if act == "begin" else database_login.end()
    finally:
        connection.close()
        own["USER"], own["PASSWORD"] = before


def _administer(sql: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in sql:
            cursor.execute(statement)


def _is_open(url: str) -> bool:
    try:
        with psycopg.connect(url) as database:
            return database.execute("SELECT count(*) FROM django_migrations").fetchone() is not None
    except psycopg.OperationalError:
        return False


def test_every_address_with_the_login_gets_the_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://grps:old@pool:6432/grps")
    monkeypatch.setenv("DATABASE_DIRECT_URL", "postgresql://grps:old@db:5432/grps?sslmode=require")
    monkeypatch.setenv("DATABASE_REPLICA_URL", "postgresql://reader:own@replica:5432/grps")
    monkeypatch.setattr("sys.stdin", StringIO("postgresql://grps_b:new@pool:6432/grps\n"))
    assert assigned(run("rotate", "DATABASE_URL", "--stdin")) == {
        "DATABASE_URL": "postgresql://grps_b:new@pool:6432/grps",
        "DATABASE_DIRECT_URL": "postgresql://grps_b:new@db:5432/grps?sslmode=require",
    }


def test_a_login_that_another_address_uses_is_not_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "grps_site.secret_rotation.database_login.former", lambda: ["grps", "grps_a"]
    )
    monkeypatch.setenv("DATABASE_REPLICA_URL", "postgresql://grps_a:old@replica:5432/grps")
    assert "DATABASE_REPLICA_URL has the previous login" in refusal(
        "finish", "DATABASE_URL", "--force"
    )


def test_two_passwords_of_valkey_overlap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(tmp_path)
    server.start()
    try:
        with redis.Redis.from_url(server.url) as client:
            client.config_set("requirepass", "first")
        old = f"redis://:first@127.0.0.1:{server.port}/0"
        monkeypatch.setenv("REDIS_URL", old)
        monkeypatch.setenv("CELERY_BROKER_URL", old.replace("/0", "/1"))
        monkeypatch.setenv("AUDIT_STREAM_URL", old.replace("/0", "/2"))
        for name in ("CELERY_BROKER_URL", "REDIS_URL"):
            said = assigned(run("rotate", name))
            new = said["REDIS_URL"]
            assert {urlsplit(one).netloc for one in said.values()} == {urlsplit(new).netloc}
            assert said.keys() == {"REDIS_URL", "CELERY_BROKER_URL", "AUDIT_STREAM_URL"}
        assert _answers(old)
        assert _answers(new)
        monkeypatch.setenv("REDIS_URL", new)
        monkeypatch.setenv("CELERY_BROKER_URL", said["CELERY_BROKER_URL"])
        assert "AUDIT_STREAM_URL has another password" in refusal("finish", "REDIS_URL")
        monkeypatch.setenv("AUDIT_STREAM_URL", said["AUDIT_STREAM_URL"])
        run("finish", "REDIS_URL")
        assert _answers(new)
        assert not _answers(old)
    finally:
        server.kill()


def _answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url) as client:
            return bool(client.ping())
    except redis.AuthenticationError:
        return False
