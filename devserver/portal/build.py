"""Install the portal's packages and build it, each only when what it is made of changed.

Builds are kept below `portal/.build/`, named by a hash of their sources. All systems of a checkout
share them: a lock makes one process build while others wait, and a build that runs is never
changed.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from common.environment import BASE_DIR
from devserver.portal import node
from devserver.process import die_with_parent

FOLDER = Path(os.environ.get("GRPS_PORTAL_FOLDER") or BASE_DIR / "portal")
BUILDS = FOLDER / ".build"
KEPT = 3  # builds; older ones are deleted
PACKAGES = ("package.json", "package-lock.json", ".npmrc")
# Not part of a build, although they are in the folder.
OTHER = {"node_modules", ".next", ".build", "tests", "README.md", "next-env.d.ts"}
INSTALL = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
# Not by npm, whose children would outlive it when it is killed.
BUILD = ("node", "node_modules/next/dist/bin/next", "build")
LOG = "build.log"
QUIET = {
    "NEXT_TELEMETRY_DISABLED": "1",
    "CHECKPOINT_DISABLE": "1",
    "npm_config_update_notifier": "false",
}
# What npm may need to reach its registry. A build gets nothing else, so no secret ends up in it.
PASSED = ("HOME", "LANG", "TMPDIR", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "XDG_CACHE_HOME")


class BuildFailed(Exception):
    """A step failed. Its output is above the message."""


def ensure_built(*, nice: int = 0) -> Path:
    """Return the folder with `server.js` of the present sources. Build it if it is missing.

    `nice`: the steps' priority, lower for a higher number.
    """
    built = BUILDS / fingerprint()
    if not built.exists():
        with _lock():
            if not built.exists():
                _install(nice)
                _build(built, nice)
    return built


def ensure_installed() -> None:
    if not _is_installed():
        with _lock():
            _install(0)


def fingerprint() -> str:
    """Return a hash of everything that a build is made of."""
    found = hashlib.sha256()
    for path in _sources():
        found.update(f"{path.relative_to(FOLDER)}\0{path.stat().st_size}\0".encode())
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def environment() -> dict[str, str]:
    """Return the environment for npm and for a build."""
    passed = {
        name: value
        for name, value in os.environ.items()
        if name in PASSED or name.lower().startswith(("npm_config_", "http_proxy", "https_proxy"))
    }
    return passed | QUIET | {"PATH": node.path()}


def run(command: Sequence[str], *, nice: int = 0, log: Path | None = None) -> int:
    """Run a command in the portal's folder. It ends with this process, however that ends."""
    die = die_with_parent(signal.SIGKILL)

    def prepare() -> None:
        os.nice(nice)
        if die is not None:
            die()

    with contextlib.ExitStack() as stack:
        output = stack.enter_context(log.open("wb")) if log else None
        return subprocess.run(
            command,
            cwd=FOLDER,
            env=environment(),
            preexec_fn=prepare,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if log else None,
        ).returncode


def _sources() -> list[Path]:
    found = []
    for root, folders, files in os.walk(FOLDER):
        if Path(root) == FOLDER:
            folders[:] = [name for name in folders if name not in OTHER]
            files = [name for name in files if name not in OTHER]
        found += [Path(root) / name for name in files if not name.endswith(".tsbuildinfo")]
    return sorted(found)


def _install(nice: int) -> None:
    if _is_installed():
        return
    print("Installing the packages of the portal (npm ci)", flush=True)
    if run(INSTALL, nice=nice):
        raise BuildFailed("npm ci failed; it needs the npm registry once")
    _installed_mark().write_text(_packages())


def _is_installed() -> bool:
    mark = _installed_mark()
    return mark.exists() and mark.read_text() == _packages()


def _installed_mark() -> Path:
    return FOLDER / "node_modules" / ".installed"  # npm ci deletes it first


def _packages() -> str:
    found = hashlib.sha256()
    for name in PACKAGES:
        found.update((FOLDER / name).read_bytes())
    return found.hexdigest()


def _build(built: Path, nice: int) -> None:
    if settings := sorted(path.name for path in FOLDER.glob(".env*")):
        raise BuildFailed(
            f"portal/{settings[0]} would become part of the build, with its secrets; "
            "give the portal its settings by the environment and remove the file"
        )
    print("Building the portal (next build)", flush=True)
    log = BUILDS / LOG
    code = run(BUILD, nice=nice, log=log)
    print(log.read_text(errors="replace"), flush=True)
    if code:
        raise BuildFailed("next build failed")
    standalone = FOLDER / ".next" / "standalone"
    for name, place in ((".next/static", ".next/static"), ("public", "public")):
        if (FOLDER / name).exists():
            shutil.copytree(FOLDER / name, standalone / place, dirs_exist_ok=True)
    log.rename(standalone / LOG)
    standalone.rename(built)
    _delete_old(built)


def _delete_old(built: Path) -> None:
    builds = [path for path in BUILDS.iterdir() if path.is_dir() and path != built]
    for old in sorted(builds, key=lambda path: path.stat().st_mtime)[: -KEPT + 1]:
        shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def _lock() -> Iterator[None]:
    BUILDS.mkdir(exist_ok=True)
    with (BUILDS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
