"""Origins: where a ledger row comes from. An experience, by its key, or a part of one that is kept
apart.

What is earned on private servers and in Studio is a part of its own where it does not count, and so
is each quarantine: it can be seen, and changes nothing else.
"""

SPLIT = "~"
PRIVATE, STUDIO = "private", "studio"


def experience_of(origin: str) -> str:
    """The key of the experience that an origin belongs to."""
    return origin.partition(SPLIT)[0]


def is_apart(origin: str) -> bool:
    """Whether it is a part that is kept apart."""
    return SPLIT in origin


def told(origin: str) -> str:
    """An origin in words, for staff."""
    experience, _, part = origin.partition(SPLIT)
    words = {"": "", PRIVATE: ", private servers", STUDIO: ", Studio"}
    return f"{experience}{words.get(part, f', quarantine {part}')}"
