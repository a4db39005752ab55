"""Programs of Debian for tests, without installing anything on the machine."""

import fcntl
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from common.environment import STATE_DIR

CACHE = STATE_DIR / "debian"
LIBRARIES = ("usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "usr/lib")
ON_PATH = {"bin", "sbin"}
PATIENCE = 180  # seconds for one command of apt


@cache
def program(package: str, path: str) -> Path:
    """Return the program `path` of `package`, such as ``usr/sbin/pgbouncer``.

    An installed one is used. Otherwise the package and its missing dependencies are unpacked below
    the state folder, which needs no root. The test is skipped where apt cannot do that.
    """
    if Path("/", path).exists():
        return Path("/", path)
    found = shutil.which(Path(path).name) if Path(path).parent.name in ON_PATH else None
    return Path(found) if found else _unpacked(package, path)


def _unpacked(package: str, path: str) -> Path:
    root = CACHE / package
    real, wrapper = root / path, root / Path(path).name
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{package}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not real.exists():
            _download(package, root)
        libraries = ":".join(str(root / folder) for folder in LIBRARIES)
        wrapper.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH={libraries} exec {real} "$@"\n')
        wrapper.chmod(0o755)
    return wrapper


def _download(package: str, root: Path) -> None:
    if not shutil.which("apt-get"):
        pytest.skip(f"{package}: there is no apt-get to get it with")
    folder = root / "archives"
    folder.mkdir(parents=True, exist_ok=True)
    names = _needed(package)
    if not names and _apt("update"):
        names = _needed(package)
    if not names or not _apt("download", *names, folder=folder):
        pytest.skip(f"{package}: apt-get could not download it")
    for archive in folder.glob("*.deb"):
        subprocess.run(["dpkg", "-x", archive, root], check=True, timeout=PATIENCE)


def _needed(package: str) -> list[str]:
    """Return the package and those of its dependencies that the machine lacks."""
    plan = _apt("install", "-s", "--reinstall", "--no-install-recommends", package)
    return re.findall(r"^Inst (\S+)", plan, re.MULTILINE)


def _apt(*arguments: str, folder: Path | None = None) -> str:
    """Run apt-get with lists of its own. Return what it printed, "" after an error."""
    lists = CACHE / "lists"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    command = ["apt-get", "-y", "-o", f"Dir::State::Lists={lists}"]
    command += ["-o", f"Dir::Cache={CACHE}/apt", "-o", "Debug::NoLocking=1"]
    command += ["-o", "APT::Sandbox::User=root", *arguments]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout if done.returncode == 0 else ""
