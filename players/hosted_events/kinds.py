"""The kinds of hosted events of the active policy."""

from common.errors import Refused
from players.active_policy import active
from players.policy.community import HostedEventKind
from players.policy.hosting import PresenceTerms


def kinds() -> dict[str, HostedEventKind]:
    """Return the kinds by name. Without any, hosted events are switched off."""
    return dict(active().bundle.community.hosted_events)


def find(name: str) -> HostedEventKind:
    """Return a kind. Raises Refused for one that the policy does not have."""
    found = kinds().get(name)
    if found is None:
        raise Refused(f"kind: {name!r} is no kind of hosted event of the policy.")
    return found


def title_of(name: str) -> str:
    """Return a kind's title, or its name if the policy does not have it any more."""
    found = kinds().get(name)
    return found.title if found is not None else name


def terms_of(kind: HostedEventKind) -> PresenceTerms:
    return PresenceTerms(least=kind.min_minutes * 60, late=kind.late_minutes * 60)
