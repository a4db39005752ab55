"""The application of the server's worker process, on the state file of its parent."""

import ctypes
import os
import random
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from roblox.emulator import seeding
from roblox.emulator.app import Emulator
from roblox.emulator.store import Store

STATE = "ROBLOX_EMULATOR_STATE"
LIVELY = "ROBLOX_EMULATOR_LIVELY"
PARENT = "ROBLOX_EMULATOR_PARENT"
LOOK_EVERY = 0.2  # seconds
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of Linux


def _end_with(parent: int) -> None:
    """End this worker when its parent is killed, since it would keep the port."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
    while os.getppid() == parent:
        time.sleep(LOOK_EVERY)
    os._exit(1)


def _let_players_earn(store: Store, every: float) -> None:
    chance = random.Random()
    while True:
        time.sleep(every)
        try:
            seeding.change_some(store, chance)
        except Exception:  # noqa: BLE001 - the game continues
            traceback.print_exc()


def _thread(work: Callable[..., None], *values: object) -> None:
    threading.Thread(target=work, args=values, daemon=True).start()


def _application() -> Emulator:
    store = Store(Path(os.environ[STATE]))
    _thread(_end_with, int(os.environ[PARENT]))
    every = float(os.environ.get(LIVELY) or 0)
    if every > 0:
        _thread(_let_players_earn, store, every)
    return Emulator(store)


application = _application()
