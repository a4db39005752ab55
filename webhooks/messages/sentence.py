"""What a sentence is made of: an event's facts, its words and their severity."""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from common.visible_text import isolated


class Severity(enum.StrEnum):
    """The importance of an event to staff. Formats choose a colour by it."""

    INFO = "info"
    GOOD = "good"
    NOTICE = "notice"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class EventFacts:
    """The data for the sentence of one event. Names are those that may be shown."""

    actor: str
    target: str
    reason: str
    details: Mapping[str, Any]
    experience: str

    def before(self, name: str) -> Any:
        return (self.details.get("before") or {}).get(name, "")

    def after(self, name: str) -> Any:
        return (self.details.get("after") or {}).get(name, "")

    def __getitem__(self, name: str) -> Any:
        return self.details.get(name, "")


@dataclass(frozen=True, slots=True)
class Sentence:
    severity: Severity
    words: Callable[[EventFacts], str]

    def text(self, facts: EventFacts) -> str:
        """Return the sentence, followed by the reason if there is one."""
        facts = replace(facts, actor=isolated(facts.actor), target=isolated(facts.target))
        sentence = self.words(facts)
        return f"{sentence}: {isolated(facts.reason)}" if facts.reason else f"{sentence}."


def in_experience(f: EventFacts) -> str:
    return f" in {f.experience}" if f.experience else ""
