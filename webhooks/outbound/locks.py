"""Who may work beside whom. A worker's turn goes from tries over deliveries to endpoints, many at a
time; an act on all of an endpoint's rows goes the other way, and the two would wait for each other.
"""

from common import advisory_lock

# advisory lock: shared by turns, and held alone by what touches all of an endpoint's rows
TURNS = 4_710_051


def beside_others() -> None:
    """For a turn: any number at a time. Waits for whoever works alone; held until the transaction
    ends.
    """
    advisory_lock.lock_shared(TURNS)


def alone() -> None:
    """Wait until the turns under way have ended, and let none begin before this transaction has."""
    advisory_lock.lock(TURNS)
