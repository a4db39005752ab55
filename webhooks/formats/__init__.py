"""The kinds of endpoints that there are, by name."""

from webhooks.formats.base import BadEndpoint, Kind
from webhooks.formats.discord import Discord
from webhooks.formats.slack import Slack
from webhooks.formats.standard import Standard

KINDS: dict[str, Kind] = {kind.name: kind for kind in (Standard(), Discord(), Slack())}


def kind_of(name: str) -> Kind:
    """The kind of this name. Raises BadEndpoint for an unknown one."""
    if name not in KINDS:
        raise BadEndpoint(f"kind: there is no kind {name!r}; take one of {', '.join(KINDS)}.")
    return KINDS[name]
