"""A missing or malformed variable stops the start with one line that names it."""

import base64
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from grps_site import checks
from grps_site.environment import BASE_DIR

GOOD = {
    "GRPS_ENV": "production",
    "DJANGO_SECRET_KEY": "x" * 25 + "abcdefghijklmnopqrstuvwxy",
    "AUDIT_SIGNING_KEY": base64.b64encode(bytes(range(32))).decode(),
    "AUDIT_SEAL_FILE": "/tmp/seals.jsonl",
    "DATABASE_URL": "postgresql://grps:grps@127.0.0.1:1/grps",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "ALLOWED_HOSTS": "grps.example.org",
    "AUTOMATION_SIGNATURE_SECRET": "s" * 32,
    "TURNSTILE_SECRET_KEY": "0x4AAAAAAA",
    "METRICS_TOKEN": "m" * 32,
    "FIELD_ENCRYPTION_KEYS": base64.b64encode(bytes(range(32))).decode(),
}
READ_BY_SETTINGS = re.compile(r'(?:env\.\w+|required|secret|whole|switch|one_of|figures|networks)\(\s*"([A-Z_]+)"')
READ_ELSEWHERE = {"GRPS_STATE", "PROMETHEUS_MULTIPROC_DIR", "SQS_REGION", "SQS_QUEUE_PREFIX"}
LOCAL = {"GRPS_EMULATOR"}  # for `make up` alone


def start(environment: dict[str, str], *command: str) -> "subprocess.CompletedProcess[str]":
    """manage.py in an environment of nothing but this."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *(command or ("check",))],
        cwd=BASE_DIR,
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_starts_with_what_it_needs() -> None:
    done = start(GOOD)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "variable", ["DJANGO_SECRET_KEY", "AUDIT_SIGNING_KEY", "AUDIT_SEAL_FILE", "DATABASE_URL", "REDIS_URL"]
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
        ("DATABASE_CONN_MAX_AGE", ""),
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
    assert shown == (_read() - {"GRPS_STATE"} if name == "production" else _read() | LOCAL)


def test_a_sane_production_environment_has_nothing_to_complain_of() -> None:
    done = start(GOOD, "check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stderr


def test_a_console_without_csrf_protection_is_an_error(settings: Any) -> None:
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "Csrf" not in name]
    assert [message.id for message in checks.check_console_csrf()] == ["grps.E001"]


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("AUTOMATION_SIGNATURE_SECRET", "", "grps.W001"),
        ("TURNSTILE_SECRET_KEY", "", "grps.W002"),
        ("TURNSTILE_SECRET_KEY", "1x0000000000000000000000000000000AA", "grps.E002"),
        ("METRICS_TOKEN", "", "grps.W003"),
        ("FIELD_ENCRYPTION_KEYS", "", "grps.W004"),
        ("WEBHOOK_VERIFICATION_KEY", "too short", "grps.E003"),
        ("ALLOWED_HOSTS", "", "security.W020"),
    ],
)
def test_a_deployment_that_would_be_open_or_closed_by_mistake_is_told(
    variable: str, value: str, complaint: str
) -> None:
    done = start(GOOD | {variable: value}, "check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode != 0
    assert complaint in done.stderr
    assert variable in done.stderr


def _read() -> set[str]:
    found = set(READ_ELSEWHERE)
    for file in ("settings.py", "environment.py"):
        found |= set(READ_BY_SETTINGS.findall((BASE_DIR / "grps_site" / file).read_text()))
    integrations = Path(BASE_DIR / "config" / "backend.integrations.json").read_text()
    return found | set(re.findall(r'"env":\s*"([A-Z_]+)"', integrations))
