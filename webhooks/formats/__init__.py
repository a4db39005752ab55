"""All message formats by name."""

from webhooks.formats.base import BadEndpoint, Format
from webhooks.formats.discord import Discord
from webhooks.formats.slack import Slack
from webhooks.formats.standard import Standard

FORMATS: dict[str, Format] = {kind.name: kind for kind in (Standard(), Discord(), Slack())}


def format_of(name: str) -> Format:
    """Return the format of this name. Raises BadEndpoint for an unknown one."""
    if name not in FORMATS:
        raise BadEndpoint(f"kind: there is no kind {name!r}; take one of {', '.join(FORMATS)}.")
    return FORMATS[name]
