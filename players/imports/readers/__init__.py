"""Read what other scripts stored about a player, in the forms that games use.

A form is recognized by its shape. `read` takes the form that somebody named, or finds it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from players.imports.readers.forms import (
    FORMS,
    Fields,
    LegacyEntry,
    Unreadable,
    described,
    form_of,
    points_of,
)

AUTO = "auto"
__all__ = ["AUTO", "NAMES", "Fields", "LegacyEntry", "Unreadable", "described", "form_of", "read"]

Reader = Callable[[Any, Fields], LegacyEntry]
NAMES: Mapping[str, str] = {
    AUTO: "Recognize the form of each entry",
    **{name: form.title for name, form in FORMS.items()},
}


def read(value: Any, reader: str = AUTO, fields: Fields | None = None) -> LegacyEntry:
    """Return what an entry says. Raises Unreadable, which names the form and the fix."""
    fields = fields or Fields()
    if reader == AUTO:
        reader = form_of(value)
    return FORMS[reader].read(value, fields) if reader in FORMS else points_of(value, fields)
