"""A production installation: the files of the image and the packages of requirements.txt alone."""

import base64
import fcntl
import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from common.environment import BASE_DIR, STATE_DIR
from deploy.image_files import PACKAGES
from tests.deploy.pages import block_with

FILES = (
    "manage.py",
    "requirements.txt",
    ".env.production.example",
    "compose.env.example",
    "config",
    "deploy",
    "templates",
)
# What the tests' own environment would change in production.
KEPT = ("PATH", "HOME", "LANG", "TZ")
PATIENCE = 90.0  # seconds
INSTALL_PATIENCE = 600  # seconds, for an index far away


def python() -> Path:
    """Return Python with the packages of requirements.txt alone, installed as the page says.

    It is kept below the state folder, and made again after a change of the file.
    """
    requirements = (BASE_DIR / "requirements.txt").read_bytes()
    block = block_with("run-systemd.md", "--requirement requirements.txt").text
    name = hashlib.sha256(requirements + block.encode() + sys.version.encode()).hexdigest()[:16]
    folder = STATE_DIR / "production" / name
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _install(folder, block, requirements)
    return folder / ".venv" / "bin" / "python"


def _install(folder: Path, script: str, requirements: bytes) -> None:
    for former in folder.parent.iterdir():
        if former != folder:
            shutil.rmtree(former)
    (folder / "requirements.txt").write_bytes(requirements)
    interpreter = Path(sys.executable).resolve().parent
    subprocess.run(
        ["bash", "-euc", script],
        cwd=folder,
        env={**os.environ, "PATH": f"{interpreter}:{os.environ['PATH']}"},
        check=True,
        timeout=INSTALL_PATIENCE,
    )
    (folder / "complete").touch()


def settings(database_url: str, redis_url: str, folder: Path) -> dict[str, str]:
    """Return a complete environment of production with fresh secrets."""
    return {
        "GRPS_ENV": "production",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "DJANGO_SECRET_KEY": secrets.token_urlsafe(50),
        "AUTOMATION_SIGNATURE_SECRET": secrets.token_urlsafe(50),
        "METRICS_TOKEN": secrets.token_urlsafe(50),
        "AUDIT_SIGNING_KEY": _key(),
        "FIELD_ENCRYPTION_KEYS": _key(),
        "AUDIT_SEAL_FILE": str(folder / "seals.jsonl"),
        "ALLOWED_HOSTS": "grps.example.org",
        "TRUSTED_PROXIES": "1",
    }


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


@dataclass
class Process:
    """A running role with its folder of marks."""

    role: str
    process: "subprocess.Popen[bytes]"
    environment: dict[str, str]
    log: Path

    def health(self) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "deploy.healthcheck"]
        return subprocess.run(
            command, cwd=BASE_DIR, env=self.environment, capture_output=True, text=True, check=False
        )

    def wait_until_healthy(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while (check := self.health()).returncode:
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, check.stderr + self.said()
            time.sleep(1)

    def request_end(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def end(self) -> int:
        """Wait for the end, at most as long as the units allow. Returns the exit code."""
        return self.process.wait(40)

    def said(self) -> str:
        return self.log.read_text()[-3000:]


@dataclass
class Installation:
    folder: Path  # in place of /opt/grps
    python: Path
    environment: dict[str, str]
    running: list[Process] = field(default_factory=list)

    @classmethod
    def make(cls, folder: Path, environment: dict[str, str]) -> "Installation":
        """Copy the files of the image to `folder`, beside the packages."""
        folder.mkdir()
        hidden = shutil.ignore_patterns("__pycache__", "emulator")
        for name in (*FILES, *PACKAGES):
            if (BASE_DIR / name).is_dir():
                shutil.copytree(BASE_DIR / name, folder / name, ignore=hidden)
            else:
                shutil.copy(BASE_DIR / name, folder / name)
        interpreter = python()
        (folder / ".venv").symlink_to(interpreter.parent.parent)
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        return cls(folder, interpreter, {**kept, **environment})

    def run(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [self.python, *arguments],
            cwd=self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def start(self, role: str, *options: str, **environment: str) -> Process:
        runtime = self.folder.parent / f"run-{role}"
        known = {**self.environment, "GRPS_RUNTIME": str(runtime)}
        known |= {"PROMETHEUS_MULTIPROC_DIR": str(runtime / "metrics"), **environment}
        log = self.folder.parent / f"{role}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [self.python, "-m", "deploy.role", role, *options],
                cwd=self.folder,
                env=known,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.running.append(Process(role, process, known, log))
        return self.running[-1]

    def close(self) -> None:
        for one in self.running:
            if one.process.poll() is None:
                os.killpg(one.process.pid, signal.SIGKILL)
                one.process.wait()
