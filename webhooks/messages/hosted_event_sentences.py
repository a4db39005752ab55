"""The sentences of hosted events. Discord shows their moments in each reader's own zone."""

from audits.actions import Action
from webhooks.messages.sentence import EventFacts, Sentence, Severity, in_experience

INFO, GOOD, NOTICE, WARNING, _ = Severity


def _hosted(f: EventFacts) -> str:
    """Return a hosted event's title and number, as `Training 12 in nexus`."""
    return f"{f['title']} {f['hostedEvent']}{in_experience(f)}"


def _starts(f: EventFacts) -> str:
    return f"{str(f['startsAt'])[:16].replace('T', ' ')} UTC"


def _cancelled(f: EventFacts) -> str:
    if f["missed"]:
        return f"Nobody started {_hosted(f)}, planned for {_starts(f)}"
    return f"{f.actor} cancelled {_hosted(f)}, planned for {_starts(f)}"


HOSTED_EVENTS: dict[str, Sentence] = {
    Action.HOSTED_EVENT_PLANNED: Sentence(
        GOOD, lambda f: f"{f.actor} planned {_hosted(f)} for {_starts(f)}"
    ),
    Action.HOSTED_EVENT_CHANGED: Sentence(
        NOTICE, lambda f: f"{f.actor} changed {_hosted(f)}, now planned for {_starts(f)}"
    ),
    Action.HOSTED_EVENT_CANCELLED: Sentence(NOTICE, _cancelled),
    Action.HOSTED_EVENT_SOON: Sentence(GOOD, lambda f: f"{_hosted(f)} starts at {_starts(f)}"),
    Action.HOSTED_EVENT_STARTED: Sentence(GOOD, lambda f: f"{f.actor} started {_hosted(f)}"),
    Action.HOSTED_EVENT_ENDED: Sentence(
        INFO, lambda f: f"{_hosted(f)} ended with {f['attended']} attendees"
    ),
    Action.HOSTED_EVENT_STRUCK: Sentence(
        NOTICE, lambda f: f"{f.actor} struck {f.target} from {_hosted(f)}"
    ),
    Action.HOSTED_EVENT_ADDED: Sentence(
        NOTICE, lambda f: f"{f.actor} added {f.target} to {_hosted(f)}"
    ),
    Action.HOSTED_EVENT_AWARDED: Sentence(
        GOOD,
        lambda f: f"{f.actor} awarded {f['count']} attendees of {_hosted(f)} ({f['sum']} points)",
    ),
    Action.HOSTED_EVENT_UNDONE: Sentence(
        WARNING, lambda f: f"{f.actor} took back the award of {_hosted(f)} ({f['sum']} points)"
    ),
    Action.HOSTED_SERIES_STARTED: Sentence(
        GOOD,
        lambda f: (
            f"{f.actor} planned {f['title']}{in_experience(f)} every {f['everyDays']} days from"
            f" {_starts(f)}"
        ),
    ),
    Action.HOSTED_SERIES_ENDED: Sentence(
        NOTICE, lambda f: f"{f.actor} ended the series {f['title']}{in_experience(f)}"
    ),
}
