"""Origins of ledger rows: an experience by its key, or a separate part of one.

Points from private servers and from Studio form a separate part where they do not count. Each
quarantine is a separate part too. Such a part is visible, but changes nothing else.
"""

from players.policy.hosting import HOSTED

SPLIT = "~"
PRIVATE, STUDIO = "private", "studio"


def experience_of(origin: str) -> str:
    return origin.partition(SPLIT)[0]


def is_apart(origin: str) -> bool:
    """Return whether the origin is a separate part of an experience."""
    return SPLIT in origin


def told(origin: str) -> str:
    """Describe an origin in words, for staff."""
    if origin == HOSTED:
        return "hosted events"
    experience, _, part = origin.partition(SPLIT)
    words = {"": "", PRIVATE: ", private servers", STUDIO: ", Studio"}
    return f"{experience}{words.get(part, f', quarantine {part}')}"
