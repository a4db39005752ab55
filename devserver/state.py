"""The state folder ($GRPS_STATE): random secrets, ports, data, logs and the environment."""

import base64
import json
import os
import secrets
import socket
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from common.environment import OWNER_FILE

APPLICATION = "grps_app"  # the database role of web, workers and beat
SECRETS: dict[str, Callable[[], str]] = {
    "DJANGO_SECRET_KEY": lambda: secrets.token_urlsafe(50),
    "AUTOMATION_SIGNATURE_SECRET": lambda: secrets.token_urlsafe(32),
    "WEBHOOK_VERIFICATION_KEY": lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
    "ROBLOX_WEBHOOK_SECRET": lambda: secrets.token_urlsafe(32),
    "FIELD_ENCRYPTION_KEYS": lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
    "ERASURE_MARK_KEYS": lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
    "AUDIT_SIGNING_KEY": lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
    "METRICS_TOKEN": lambda: secrets.token_urlsafe(24),
    "LOCAL_ADMIN_PASSWORD": lambda: secrets.token_urlsafe(18),
    "LOCAL_DATABASE_PASSWORD": lambda: secrets.token_urlsafe(18),
    "LOCAL_APPLICATION_PASSWORD": lambda: secrets.token_urlsafe(18),
    "LOCAL_REDIS_PASSWORD": lambda: secrets.token_urlsafe(18),
    "LOCAL_DISCORD_KEY": lambda: secrets.token_hex(32),
    "LOCAL_PORTAL_REFRESH_SECRET": lambda: secrets.token_urlsafe(32),
    "LOCAL_PORTAL_WEBHOOK_SECRET": lambda: (
        "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    ),
}


@dataclass(frozen=True)
class State:
    """The state of one checkout. Two folders share nothing, so that two systems can run at once."""

    folder: Path

    @classmethod
    def at(cls, folder: Path) -> "State":
        """Create `folder` if it is missing, and make it private to its owner."""
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("logs", "metrics", "static"):
            (folder / name).mkdir(exist_ok=True)
        _close(folder)
        return cls(folder)

    def is_new(self) -> bool:
        """Return whether no system was ever started with it."""
        return not (self.folder / "secrets.json").exists()

    def secrets(self) -> dict[str, str]:
        """Return the secrets of this checkout, created on first use (mode 600)."""
        file = self.folder / "secrets.json"
        known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
        missing = {name: make() for name, make in SECRETS.items() if name not in known}
        if missing:
            write_private(file, json.dumps(known | missing, indent=1))
        return known | missing

    def port(self, name: str) -> int:
        """Return the last port of `name` if it is free, else a new one, and store it."""
        file = self.folder / "ports.json"
        ports: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
        if name not in ports or not is_free(ports[name]):
            ports[name] = free_port()
            write_private(file, json.dumps(ports))
        return ports[name]

    def port_of(self, name: str) -> int:
        """Return the last port of `name`, even if it is in use."""
        port: int = json.loads((self.folder / "ports.json").read_text())[name]
        return port

    def application_url(self, database_port: int) -> str:
        """Return the database URL of the role that owns nothing (ops/database_roles.py)."""
        password = self.secrets()["LOCAL_APPLICATION_PASSWORD"]
        return f"postgresql://{APPLICATION}:{password}@127.0.0.1:{database_port}/grps"

    def environment(self, database_port: int, redis_port: int) -> dict[str, str]:
        """Return every variable that the settings need. DATABASE_URL is the owner's."""
        known = self.secrets()
        values = {name: value for name, value in known.items() if not name.startswith("LOCAL_")}
        return values | {
            "GRPS_ENV": "development",
            "GRPS_STATE": str(self.folder),
            "DATABASE_URL": f"postgresql://grps:{known['LOCAL_DATABASE_PASSWORD']}@127.0.0.1:{database_port}/grps",
            "REDIS_URL": f"redis://:{known['LOCAL_REDIS_PASSWORD']}@127.0.0.1:{redis_port}/0",
            "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
            "LOCAL_LOGIN": "on",
            "LOCAL_LOGIN_MFA": "off",
            "AUDIT_SEAL_FILE": str(self.folder / "seals.jsonl"),
            "PROMETHEUS_MULTIPROC_DIR": str(self.folder / "metrics"),
        }

    def write_env(self, values: dict[str, str], owner_url: str) -> None:
        """Write the environment for ``manage.py`` in another terminal, and the owner's URL."""
        write_private(
            self.folder / "env", "".join(f"{name}={value}\n" for name, value in values.items())
        )
        write_private(self.folder / OWNER_FILE, f"DATABASE_OWNER_URL={owner_url}\n")


def keep_private() -> None:
    """Make new files and folders of this process and its children private to their owner."""
    os.umask(0o077)


def _close(folder: Path) -> None:
    """Remove permissions of group and others from `folder`, its contents and `.local` above it."""
    around = [parent for parent in folder.parents if parent.name == ".local"]
    below = [
        Path(root) / name for root, folders, files in os.walk(folder) for name in (*folders, *files)
    ]
    for path in (*around, folder, *below):
        with suppress(FileNotFoundError):  # other processes delete files at the same time
            _close_one(path)


def _close_one(path: Path) -> None:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode) or not mode & 0o077:
        return
    try:
        path.chmod(stat.S_IMODE(mode) & 0o700)
    except PermissionError:
        sys.exit(
            f"GRPS cannot start: {path} belongs to another account and is open to others; remove it or own it."
        )


def write_private(file: Path, text: str) -> None:
    """Replace `file` atomically, readable by its owner only."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(text)
    draft.replace(file)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """Return a port that is not in use."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
