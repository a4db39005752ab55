"""End servers that an earlier run left in a data folder.

A supervisor that is killed cannot end its servers. PostgreSQL may then wait for ever: it gets its
request to stop while it recovers from a crash.
"""

import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

PATIENCE = 10.0  # seconds after each signal
# Fast shutdown, then immediate shutdown.
POSTGRES = (signal.SIGINT, signal.SIGQUIT)
VALKEY = (signal.SIGTERM,)


def end_in(folder: Path, signals: Sequence[signal.Signals]) -> None:
    """End every process whose working directory is `folder`, which both servers use as theirs.

    The main process gets `signals` in turn. What is left after them is killed.
    """
    for number in signals:
        found = _inside(folder)
        main = _main_processes(found)
        if len(main) == 1:  # several: the main process is dead, and its children are ending
            _send(main, number)
        psutil.wait_procs(found, timeout=PATIENCE)
    left = _inside(folder)
    _send(left, signal.SIGKILL)
    psutil.wait_procs(left, timeout=PATIENCE)


def remove_pid_file(folder: Path) -> None:
    """Remove PostgreSQL's pid file. No process may use `folder` any more.

    PostgreSQL does not start while another process of the account has the number in the file, which
    happens after a restart of the machine.
    """
    (folder / "postmaster.pid").unlink(missing_ok=True)


def _inside(folder: Path) -> list[psutil.Process]:
    return [one for one in psutil.process_iter() if _folder_of(one) == str(folder)]


def _folder_of(process: psutil.Process) -> str | None:
    try:
        return None if process.status() == psutil.STATUS_ZOMBIE else process.cwd()
    except psutil.Error:  # it has ended, or it belongs to another account
        return None


def _main_processes(found: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Return the processes whose parent is not among them."""
    numbers = {one.pid for one in found}
    return [one for one in found if _parent_of(one) not in numbers]


def _parent_of(process: psutil.Process) -> int | None:
    try:
        return process.ppid()
    except psutil.NoSuchProcess:
        return None


def _send(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
