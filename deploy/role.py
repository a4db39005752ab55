"""Start one process of GRPS: ``python -m deploy.role web``. Needs only the standard library.

Containers, systemd units and platforms start the same commands by it. Further arguments are passed
on, as in ``python -m deploy.role worker --concurrency=8``.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from deploy import supervision

BASE_DIR = Path(__file__).resolve().parent.parent
CELERY = [sys.executable, "-m", "celery", "--quiet", "--app=grps_site"]
WORKER = [*CELERY, "worker", "--without-gossip", "--without-mingle", "--heartbeat-interval=10"]
MANAGE = [sys.executable, str(BASE_DIR / "manage.py")]
# The processes of `all`. One worker serves both queues of work that waits for others.
ALL_IN_ONE = {
    "web": ["--workers=1"],
    "worker": ["--concurrency=1"],
    "sync-worker": ["--queues=syncs,webhooks", "--concurrency=2"],
    "beat": [],
}


def runtime_folder() -> Path:
    """Return the folder in which roles note that they are alive (`GRPS_RUNTIME`)."""
    return Path(os.environ.get("GRPS_RUNTIME") or Path(tempfile.gettempdir()) / "grps")


def web_port() -> str:
    return os.environ.get("PORT") or "8000"


def web() -> list[str]:
    workers = os.environ.get("WEB_CONCURRENCY") or "2"
    host = os.environ.get("WEB_HOST") or "0.0.0.0"  # noqa: S104 - a container's own network
    options = [f"--host={host}", f"--port={web_port()}", f"--workers={workers}"]
    return [sys.executable, "-m", "grps_site.server", *options]


def worker() -> list[str]:
    return [*WORKER, "--concurrency=2"]


def sync_worker() -> list[str]:
    return [*WORKER, "--queues=syncs", "--hostname=syncs@%h", "--concurrency=4"]


def webhook_worker() -> list[str]:
    return [*WORKER, "--queues=webhooks", "--hostname=webhooks@%h", "--concurrency=2"]


def beat() -> list[str]:
    return [*CELERY, "beat", "--pidfile="]


PROCESSES: dict[str, Callable[[], list[str]]] = {
    "web": web,
    "worker": worker,
    "sync-worker": sync_worker,
    "webhook-worker": webhook_worker,
    "beat": beat,
}


def become(command: list[str], role: str) -> NoReturn:
    """Replace this process, so that signals of the service manager reach the right one."""
    os.execve(command[0], command, {**os.environ, **_environment(role)})  # noqa: S606


def main(arguments: list[str]) -> int:
    role, *rest = arguments or [""]
    if role == "release":
        return release()
    if role == "all":
        return run_all()
    command = command_of(role)
    if not command:
        print(f"Usage: python -m deploy.role {'|'.join(PROCESSES)}|release|all", file=sys.stderr)
        print("       python -m deploy.role manage COMMAND…", file=sys.stderr)
        return 2
    become([*command, *rest], role)


def command_of(role: str) -> list[str]:
    """Return the command of one process, or [] if the role does not exist."""
    if role == "manage":
        return MANAGE
    if role not in PROCESSES:
        return []
    _prepare_folders(role)
    return PROCESSES[role]()


def run_all() -> int:
    """Run everything in this container, for a small community."""
    _prepare_folders("all")
    return supervision.run([_child(name, options) for name, options in ALL_IN_ONE.items()])


def release() -> int:
    """Migrate and bootstrap, once for each deployment. Returns the exit code."""
    for command in (["migrate", "--no-input"], ["bootstrap"]):
        done = subprocess.run([*MANAGE, *command], check=False)
        if done.returncode:
            return done.returncode
    return 0


def _prepare_folders(role: str) -> None:
    """Empty the folders of marks and metrics, which an earlier process may have left."""
    folder = runtime_folder()
    folder.mkdir(parents=True, exist_ok=True)
    for mark in PROCESSES:
        (folder / mark).unlink(missing_ok=True)
    (folder / "role").write_text(role)
    metrics = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if metrics:
        Path(metrics).mkdir(parents=True, exist_ok=True)
        for left_over in Path(metrics).glob("*.db"):
            left_over.unlink(missing_ok=True)


def _environment(role: str) -> dict[str, str]:
    if role not in PROCESSES:
        return {}
    service = os.environ.get("GRPS_SERVICE") or f"grps-{role}"
    return {"LIVENESS_FILE": str(runtime_folder() / role), "GRPS_SERVICE": service}


def _child(name: str, options: list[str]) -> supervision.Child:
    return supervision.Child(name, [*PROCESSES[name](), *options], _environment(name))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
