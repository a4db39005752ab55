"""Slugs of ranks: lower-case words with hyphens, for addresses of pages."""

import itertools
import re
import unicodedata
from collections.abc import Container

OTHER = re.compile("[^a-z0-9]+")
UNNAMED = "rank"  # of a name without a Latin letter or a digit
LONGEST = 80  # one character can become several


def slug_of(name: str) -> str:
    """Return the name in lower-case ASCII, with a hyphen between words."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return OTHER.sub("-", plain).strip("-")[:LONGEST].rstrip("-") or UNNAMED


def free_slug(name: str, taken: Container[str]) -> str:
    """Return the slug of a name, followed by -2, -3 and so on while it is taken."""
    slug = slug_of(name)
    numbered = (f"{slug}-{number}" for number in itertools.count(2))
    return next(one for one in itertools.chain([slug], numbered) if one not in taken)
