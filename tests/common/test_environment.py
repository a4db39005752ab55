"""A missing or malformed variable stops the start with one line that names the variable."""

import base64
import json
import re
import secrets
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from common.environment import BASE_DIR
from grps_site.ops import checks, production
from tests.grps_site.http.starter import Starter, inherited

GOOD = {
    "GRPS_ENV": "production",
    "DJANGO_SECRET_KEY": "Yb3nTq0_wRk8ZsVd2LhXo5CmJf7PgAe1UiNv9tKxW4rQyHsBzD",
    "AUDIT_SIGNING_KEY": base64.b64encode(bytes(range(32))).decode(),
    "AUDIT_SEAL_FILE": "/tmp/seals.jsonl",
    "DATABASE_URL": "postgresql://grps:grps@127.0.0.1:1/grps",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "ALLOWED_HOSTS": "grps.example.org",
    "AUTOMATION_SIGNATURE_SECRET": "p4Wm9sXc2VbN7kLq3RtY8uHj5GfDz1Ae",
    "TURNSTILE_SECRET_KEY": "0x4AAAAAAA",
    "METRICS_TOKEN": "8d1f0c6be29a4573b0e7d2c95a6f3148",
    "FIELD_ENCRYPTION_KEYS": base64.b64encode(bytes(range(32))).decode(),
    "ERASURE_MARK_KEYS": base64.b64encode(bytes(range(1, 33))).decode(),
}
READ_BY_SETTINGS = re.compile(
    r'(?:env\.\w+|required|secrets?|whole|switch|one_of|figures|networks|database_url)\(\s*"([A-Z_]+)"'
)
READ_ELSEWHERE = {
    "DATABASE_POOL",
    "GRPS_STATE",
    "PROMETHEUS_MULTIPROC_DIR",
    "SQS_QUEUE_PREFIX",
    "SQS_REGION",
}
LOCAL = {"GRPS_EMULATOR"}  # only for `make up`


STARTER = Starter()


@pytest.fixture(scope="module", autouse=True)
def _starter() -> Iterator[None]:
    yield
    STARTER.end()


def start(environment: dict[str, str], *command: str) -> "subprocess.CompletedProcess[str]":
    """Run manage.py with these environment variables alone."""
    return STARTER.run(environment, "manage.py", *(command or ("check",)))


def python(environment: dict[str, str], *command: str) -> "subprocess.CompletedProcess[str]":
    """Run Python with these environment variables alone."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=BASE_DIR,
        env=inherited() | environment,
        capture_output=True,
        text=True,
        check=False,
    )


OPTIONS = """
import json
from django.conf import settings
print(json.dumps({name: one["OPTIONS"] for name, one in settings.DATABASES.items()}))
"""


def test_parameters_of_database_urls_are_used() -> None:
    urls = {
        "DATABASE_URL": "postgresql://grps:grps@127.0.0.1:1/grps?keepalives_idle=7",
        "DATABASE_REPLICA_URL": "postgresql://grps:grps@127.0.0.1:1/grps?sslmode=verify-full",
    }
    environment = GOOD | urls | {"DJANGO_SETTINGS_MODULE": "grps_site.settings"}
    options = json.loads(python(environment, "-c", OPTIONS).stdout)
    assert options["replica"]["sslmode"] == "verify-full"
    assert "sslmode" not in options["default"]
    assert int(options["default"]["keepalives_idle"]) == 7
    assert all(one["tcp_user_timeout"] == 30_000 for one in options.values())


def test_it_starts_with_what_it_needs() -> None:
    done = python(GOOD, "manage.py", "check")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "variable",
    ["DJANGO_SECRET_KEY", "AUDIT_SIGNING_KEY", "AUDIT_SEAL_FILE", "DATABASE_URL", "REDIS_URL"],
)
def test_a_missing_variable_is_named_in_one_line(variable: str) -> None:
    done = start({name: value for name, value in GOOD.items() if name != variable})
    assert done.returncode != 0
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1
    assert variable in lines[0]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GRPS_ENV", "staging"),
        ("AUDIT_SIGNING_KEY", "not base64!"),
        ("AUDIT_SIGNING_KEY", base64.b64encode(b"short").decode()),
        ("AUDIT_TRUSTED_KEYS", "not base64!"),
        ("AUTOMATION_SIGNATURE_SECRET", "too short"),
        ("AUTOMATION_SIGNATURE_SECRET_PREVIOUS", "too short"),
        ("THROTTLE_PUBLIC_PER_MINUTE", "many"),
        ("THROTTLE_WRITE_PER_MINUTE", "-1"),
        ("TRUSTED_PROXIES", "1.5"),
        ("DATABASE_CONN_MAX_AGE", "soon"),
        ("LOG_REQUESTS", "perhaps"),
        ("SECURE_SSL_REDIRECT", "perhaps"),
        ("LOG_LEVEL", "LOUD"),
        ("DATABASE_URL", "a database"),
        ("REDIS_URL", "a valkey"),
        ("AUDIT_STREAM_URL", "a stream"),
        ("AUDIT_STREAM_LENGTH", "-1"),
        ("METRICS_TOKEN", "change-me"),
        ("DJANGO_SECRET_KEY", "change-me"),
    ],
)
def test_a_malformed_variable_is_named_in_one_line(variable: str, value: str) -> None:
    done = start(GOOD | {variable: value})
    assert done.returncode != 0
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1
    assert variable in lines[0]


OURS = [
    "DJANGO_SECRET_KEY",
    "DJANGO_SECRET_KEY_FALLBACKS",
    "AUTOMATION_SIGNATURE_SECRET",
    "AUTOMATION_SIGNATURE_SECRET_PREVIOUS",
    "WEBHOOK_VERIFICATION_KEY",
    "ROBLOX_WEBHOOK_SECRET",
    "ROBLOX_WEBHOOK_SECRET_PREVIOUS",
    "METRICS_TOKEN",
]
WEAK = {
    "short": "p4Wm9sXc2VbN7kLq3RtY8uHj5GfDz1A",
    "one character": "a" * 40,
    "a repeated word": "hunter2" * 6,
    "the example": "change-me-change-me-please-change-me-9Q",
    "a row": "abcdefghijklmnopqrstuvwxyz0123456789",
    "a phrase": "correct-horse-battery-staple-2026-grps",
    "one long word": "thisismyverylongwebhooktokenforgrps",
}


def is_refused(environment: dict[str, str], variable: str, *command: str) -> bool:
    """Check that the start ends with one line that names the variable. Returns True."""
    done = start(environment, *command)
    lines = done.stderr.strip().splitlines()
    assert done.returncode != 0, f"{variable} was let through"
    assert len(lines) == 1, lines
    assert lines[0].startswith(f"GRPS cannot start: {variable}")
    return True


@pytest.mark.parametrize("variable", OURS)
def test_production_refuses_short_or_weak_secrets(variable: str) -> None:
    assert is_refused(GOOD | {variable: WEAK["short"]}, variable)
    assert is_refused(GOOD | {variable: WEAK["a phrase"]}, variable)


@pytest.mark.parametrize("weak", WEAK)
def test_production_refuses_long_secrets_that_are_not_random(weak: str) -> None:
    assert is_refused(GOOD | {"METRICS_TOKEN": WEAK[weak]}, "METRICS_TOKEN")


def test_one_weak_secret_among_several_is_refused() -> None:
    both = f"{GOOD['DJANGO_SECRET_KEY']},too-short"
    assert (
        "DJANGO_SECRET_KEY_FALLBACKS has fewer"
        in start(GOOD | {"DJANGO_SECRET_KEY_FALLBACKS": both}).stderr
    )


@pytest.mark.parametrize(
    "variable", ["AUDIT_SIGNING_KEY", "FIELD_ENCRYPTION_KEYS", "ERASURE_MARK_KEYS"]
)
def test_production_refuses_a_key_of_equal_bytes(variable: str) -> None:
    assert is_refused(GOOD | {variable: base64.b64encode(bytes(32)).decode()}, variable)


@pytest.mark.parametrize(
    "make",
    [lambda: secrets.token_urlsafe(24), lambda: secrets.token_hex(16), lambda: str(uuid.uuid4())],
)
def test_random_secrets_are_no_words(make: Callable[[], str]) -> None:
    assert [found for found in (production.weakness(make()) for _ in range(500)) if found] == []


@pytest.mark.parametrize(
    ("changes", "variable"),
    [
        ({"LOCAL_LOGIN": "on", "LOCAL_LOGIN_MFA": "off"}, "LOCAL_LOGIN_MFA"),
        ({"TURNSTILE_SECRET_KEY": "1x0000000000000000000000000000000AA"}, "TURNSTILE_SECRET_KEY"),
        ({"TURNSTILE_SECRET_KEY": "2x0000000000000000000000000000000AA"}, "TURNSTILE_SECRET_KEY"),
        ({"TURNSTILE_SITE_KEY": "3x00000000000000000000FF"}, "TURNSTILE_SITE_KEY"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS"),
        ({"ALLOWED_HOSTS": "grps.example.org, *"}, "ALLOWED_HOSTS"),
        ({"DATABASE_URL": "postgresql://grps:change-me@127.0.0.1/grps"}, "DATABASE_URL"),
        ({"REDIS_URL": "redis://:change-me@127.0.0.1/0"}, "REDIS_URL"),
    ],
)
def test_production_refuses_a_door_that_stands_open(changes: dict[str, str], variable: str) -> None:
    assert is_refused(GOOD | changes, variable)


@pytest.mark.parametrize(
    "command",
    [
        ("manage.py", "migrate"),
        ("-m", "celery", "--app=grps_site", "inspect", "ping"),
        ("-c", "import grps_site.wsgi"),
    ],
)
def test_whatever_starts_is_refused(command: tuple[str, ...]) -> None:
    done = python(GOOD | {"METRICS_TOKEN": "short"}, *command)
    assert done.returncode != 0
    assert "GRPS cannot start: METRICS_TOKEN has fewer than 32 characters" in done.stderr


def test_development_takes_what_make_up_needs() -> None:
    easy = {
        "GRPS_ENV": "development",
        "METRICS_TOKEN": "short",
        "ALLOWED_HOSTS": "*",
        "LOCAL_LOGIN": "on",
    }
    done = start(GOOD | easy | {"LOCAL_LOGIN_MFA": "off"})
    assert done.returncode == 0, done.stderr


def test_no_secret_is_printed_by_a_refusal() -> None:
    done = start(GOOD | {"AUTOMATION_SIGNATURE_SECRET": "hunter2"})
    assert "hunter2" not in done.stdout + done.stderr


def test_no_password_is_printed_with_an_address_that_is_refused() -> None:
    done = start(GOOD | {"DATABASE_URL": "mysql://grps:hunter2@127.0.0.1/grps"})
    assert "DATABASE_URL" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["development", "production"])
def test_the_examples_hold_every_variable_and_no_other(name: str) -> None:
    example = (BASE_DIR / f".env.{name}.example").read_text()
    shown = set(re.findall(r"^(?:# )?([A-Z_]+)=", example, re.MULTILINE))
    by_units = {"GRPS_STATE", "PROMETHEUS_MULTIPROC_DIR"}  # and by the image
    assert shown == (_read() - by_units if name == "production" else _read() | LOCAL)


OPTIONAL = {
    "AUTOMATION_SIGNATURE_SECRET",
    "TURNSTILE_SECRET_KEY",
    "METRICS_TOKEN",
    "FIELD_ENCRYPTION_KEYS",
}


@pytest.mark.parametrize("left_out", [set(), OPTIONAL])
def test_a_correct_environment_has_no_complaints(left_out: set[str]) -> None:
    given = {name: value for name, value in GOOD.items() if name not in left_out}
    done = start(given, "check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stderr
    assert "System check identified no issues" in done.stdout + done.stderr


def test_a_console_without_csrf_protection_is_an_error(settings: Any) -> None:
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "Csrf" not in name]
    assert [message.id for message in checks.check_console_csrf()] == ["grps.E001"]


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("ERASURE_MARK_KEYS", "", "grps.W006"),
        ("WEBHOOK_VERIFICATION_KEY", "k2J!" * 7 + "x9Qz-Wv3_Lm0", "grps.E003"),
        ("ALLOWED_HOSTS", "", "security.W020"),
    ],
)
def test_an_unsafe_deployment_is_reported(variable: str, value: str, complaint: str) -> None:
    done = start(GOOD | {variable: value}, "check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode != 0
    assert complaint in done.stderr
    assert variable in done.stderr


def _read() -> set[str]:
    found = set(READ_ELSEWHERE)
    for file in ("grps_site/settings.py", "grps_site/integrations.py", "common/environment.py"):
        found |= set(READ_BY_SETTINGS.findall((BASE_DIR / file).read_text()))
    integrations = Path(BASE_DIR / "config" / "backend.integrations.json").read_text()
    return found | set(re.findall(r'"env":\s*"([A-Z_]+)"', integrations))
