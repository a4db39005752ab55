"""Event patterns of endpoints: `rank.*`, `player.banned`, `*`."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import lru_cache

from audits.actions import Action
from webhooks.formats.base import BadEndpoint

FORM = re.compile(r"\*|[a-z]+\.\*|\*\.[a-z]+|[a-z]+\.[a-z]+")


def check(patterns: Sequence[str]) -> None:
    """Raise BadEndpoint for a malformed pattern, or one that matches no action."""
    if not patterns:
        raise BadEndpoint("events: name at least one pattern, such as `rank.*`; `*` is everything.")
    for pattern in patterns:
        if not FORM.fullmatch(pattern):
            raise BadEndpoint(
                f"events: {pattern!r} is no pattern; write `*`, `rank.*` or `player.banned`."
            )
        if not actions([pattern]):
            raise BadEndpoint(
                f"events: no event fits {pattern!r}; docs/webhooks.md lists the events there are."
            )


def actions(patterns: Sequence[str]) -> list[Action]:
    """Return all actions that match one of the patterns."""
    return [action for action in Action if match(patterns, action)]


def match(patterns: Sequence[str], action: str) -> bool:
    return _match(tuple(patterns), action)


@lru_cache(maxsize=4096)
def _match(patterns: tuple[str, ...], action: str) -> bool:
    return any(fnmatchcase(action, pattern) for pattern in patterns)
