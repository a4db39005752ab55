"""Values from files, empty variables, and the one way to read an env file."""

import ctypes
import glob
from collections.abc import Iterator
from pathlib import Path

import pytest

from common import environment
from tests.common.test_environment import GOOD, STARTER, python, start

SECRETS = [
    "DJANGO_SECRET_KEY",
    "DATABASE_URL",
    "REDIS_URL",
    "CELERY_BROKER_URL",
    "AUDIT_SIGNING_KEY",
    "FIELD_ENCRYPTION_KEYS",
    "METRICS_TOKEN",
]
ALL_READ_ALIKE = """\
# a comment
PLAIN=postgresql://grps:pass_word-1@127.0.0.1:5432/grps?sslmode=require
BASE64=3q2+7w==/abc
DOLLAR='$ecret $HOME ${HOME}'
HASH='a # b'
BLANKS='  two  words '
DOUBLE="it's"
MARK='say "yes"'
EMPTY=
QUOTED_EMPTY=''
"""


@pytest.fixture(scope="module", autouse=True)
def _starter() -> Iterator[None]:
    yield
    STARTER.end()


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path that `load_files("test")` reads; variables it sets are removed after."""
    monkeypatch.setattr(environment, "BASE_DIR", tmp_path)
    monkeypatch.setattr(environment.os, "environ", dict(environment.os.environ))
    return tmp_path / ".env.test"


def one_line(environment: dict[str, str]) -> str:
    done = start(environment)
    assert done.returncode != 0
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_an_empty_variable_counts_as_absent() -> None:
    empty = [
        "THROTTLE_PUBLIC_PER_MINUTE", "SECURE_SSL_REDIRECT", "LOG_LEVEL", "LOG_REQUESTS",
        "TURNSTILE_VERIFY_URL", "STATIC_ROOT", "CELERY_BROKER_URL", "AUDIT_TRUSTED_KEYS",
        "DATABASE_CONN_MAX_AGE", "GRPS_ENV", "GRPS_STATE", "PROMETHEUS_MULTIPROC_DIR",
        "ROBLOX_OAUTH_CLIENT_ID", "AUDIT_STREAM_KEY", "OPEN_CLOUD_BUDGETS",
    ]  # fmt: skip
    report = (
        "import os; from grps_site import settings as s; "
        "print(s.THROTTLE_PUBLIC_PER_MINUTE, s.SECURE_SSL_REDIRECT, s.LOG_REQUESTS, "
        "s.TURNSTILE_VERIFY_URL, s.CELERY_BROKER_URL, s.DATABASES['default']['CONN_MAX_AGE'], "
        "s.PRODUCTION, s.STATE_DIR.name, os.environ.get('PROMETHEUS_MULTIPROC_DIR'))"
    )
    done = python(GOOD | dict.fromkeys(empty, ""), "-c", report)
    assert done.stdout.split() == [
        "600", "True", "True", "https://challenges.cloudflare.com/turnstile/v0/siteverify",
        GOOD["REDIS_URL"], "60", "True", ".local", "None",
    ], done.stderr  # fmt: skip


@pytest.mark.parametrize("variable", SECRETS)
def test_a_secret_can_come_from_a_file(variable: str, tmp_path: Path) -> None:
    file = tmp_path / "value"
    given = GOOD | {"CELERY_BROKER_URL": GOOD["REDIS_URL"]}
    file.write_text(given.pop(variable) + "\n")
    done = start(given | {f"{variable}_FILE": str(file)})
    assert done.returncode == 0, done.stderr


def test_one_newline_is_stripped_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "value"
    monkeypatch.setenv("A_SECRET_FILE", str(file))
    for text, expected in (
        ("a", "a"),
        ("a\n", "a"),
        ("a\r\n", "a"),
        ("a\n\n", "a\n"),
        (" a ", " a "),
    ):
        file.write_bytes(text.encode())
        assert environment.secret("A_SECRET") == expected


def test_a_variable_and_its_file_together_stop_the_start(tmp_path: Path) -> None:
    line = one_line(GOOD | {"METRICS_TOKEN_FILE": str(tmp_path / "value")})
    assert "METRICS_TOKEN and METRICS_TOKEN_FILE are both set" in line


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    given = {name: value for name, value in GOOD.items() if name != "METRICS_TOKEN"}
    missing = one_line(given | {"METRICS_TOKEN_FILE": str(tmp_path / "value")})
    assert f"METRICS_TOKEN_FILE names {tmp_path}/value" in missing
    assert "No such file" in missing
    assert "Is a directory" in one_line(given | {"METRICS_TOKEN_FILE": str(tmp_path)})
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    assert "not UTF-8" in one_line(given | {"METRICS_TOKEN_FILE": str(tmp_path / "bytes")})


def test_a_value_that_begins_with_a_dollar_is_literal() -> None:
    secret = "$p4Wm9sXc2VbN7kLq3RtY8uHj5GfDz1Ae"
    report = "from grps_site import settings; print(settings.METRICS_TOKEN)"
    done = python(GOOD | {"METRICS_TOKEN": secret}, "-c", report)
    assert done.stdout.strip() == secret, done.stderr


def test_the_env_file_is_read_as_systemd_reads_it(env_file: Path) -> None:
    env_file.write_text(ALL_READ_ALIKE)
    before = set(environment.os.environ)
    environment.load_files("test")
    ours = {n: v for n, v in environment.os.environ.items() if n not in before}
    assert ours["DOLLAR"] == "$ecret $HOME ${HOME}"
    assert ours["BLANKS"] == "  two  words "
    assert ours == _by_systemd(env_file)


def test_the_environment_overrides_the_env_file_even_when_empty(env_file: Path) -> None:
    env_file.write_text("A_SECRET=from the file\nANOTHER=from the file\n")
    environment.os.environ["A_SECRET"] = ""
    environment.load_files("test")
    assert environment.secret("A_SECRET") == ""
    assert environment.secret("ANOTHER") == "from the file"


@pytest.mark.parametrize(
    "line",
    ["X=a # b", "X=# b", "X=it's", "X='a'b'", 'X="a$b"', 'X="a', "X=a\\b", r"X='a\b'", "X", "1X=a"],
)
def test_what_is_read_in_two_ways_stops_with_file_and_line(env_file: Path, line: str) -> None:
    env_file.write_text(f"# first\n{line}\n")
    with pytest.raises(SystemExit, match=rf"line 2 of {env_file}"):
        environment.load_files("test")


def test_a_refused_line_does_not_show_its_value(env_file: Path) -> None:
    env_file.write_text("X=hunter2'\n")
    with pytest.raises(SystemExit) as stopped:
        environment.load_files("test")
    assert "hunter2" not in str(stopped.value)


def test_an_env_file_that_cannot_be_read_says_so(env_file: Path) -> None:
    env_file.symlink_to(env_file.parent / "nowhere")
    with pytest.raises(SystemExit, match=r"\.env\.test cannot be read: No such file"):
        environment.load_files("test")
    env_file.unlink()
    env_file.mkdir()
    with pytest.raises(SystemExit, match=r"\.env\.test cannot be read: Is a directory"):
        environment.load_files("test")


def _by_systemd(file: Path) -> dict[str, str]:
    """Return what systemd's own parser of EnvironmentFile= reads."""
    found = glob.glob("/usr/lib/*/systemd/libsystemd-shared-*.so")
    if not found:
        pytest.skip("libsystemd-shared is not installed")
    systemd, libc = ctypes.CDLL(found[0]), ctypes.CDLL(None)
    libc.fopen.restype = ctypes.c_void_p
    handle = ctypes.c_void_p(libc.fopen(str(file).encode(), b"r"))
    lines = ctypes.POINTER(ctypes.c_char_p)()
    assert systemd.load_env_file(handle, str(file).encode(), ctypes.byref(lines)) == 0
    pairs: list[str] = []
    while (line := lines[len(pairs)]) is not None:
        pairs.append(line.decode())
    return dict(pair.split("=", 1) for pair in pairs)
