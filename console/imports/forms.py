"""Forms of imports: a file, or a data store of an experience."""

from collections.abc import Callable
from typing import Any

from django import forms

from console.bulk.forms import LARGEST_FILE, ReasonField
from players.imports import readers
from players.imports.files import FORMATS
from players.imports.readers.keys import USER
from players.models import Import
from roblox.models import Experience

SOURCES = [
    (Import.Source.STORE.value, "Data store: an entry for each player"),
    (Import.Source.ORDERED.value, "Ordered data store only"),
    (Import.Source.DATASTORE2.value, "DataStore2: a store for each player"),
]
PAIRS = "One a line, as {}. Leave it empty if the usual names are there."


def _experiences() -> list[tuple[str, str]]:
    return [(one.key, one.key) for one in Experience.objects.order_by("pk")]


class PairsField(forms.CharField):
    """Lines like `ours=theirs`, as a dictionary."""

    def __init__(self, label: str, example: str) -> None:
        widget = forms.Textarea(attrs={"rows": 2, "spellcheck": "false"})
        super().__init__(
            required=False, label=label, help_text=PAIRS.format(example), widget=widget
        )

    def clean(self, value: Any) -> dict[str, str]:
        found = {}
        for line in filter(None, map(str.strip, super().clean(value).splitlines())):
            name, sign, other = line.partition("=")
            if not (name.strip() and sign and other.strip()):
                raise forms.ValidationError(f"{line!r} must have a name, =, and a name.")
            found[name.strip()] = other.strip()
        return found


class ImportForm(forms.Form):
    """What every import asks for."""

    experience = forms.ChoiceField(
        label="Experience", choices=_experiences, help_text="Where the points were earned."
    )
    ranks = PairsField("Names of ranks", "Pvt.=Private")
    reason = ReasonField()


class FileForm(ImportForm):
    file = forms.FileField(
        label="File",
        help_text="CSV or JSON lines: userId or username, and points, rank, rankSince, kos, wos or"
        " warnings. At most 1 MB; for more: manage.py import file FILE --reason …",
        widget=forms.FileInput(attrs={"accept": ",".join(FORMATS)}),
    )
    columns = PairsField("Names of columns", "points=Total XP")
    field_order = ("file", "experience", "columns", "ranks", "reason")

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > LARGEST_FILE:
            raise forms.ValidationError(
                f"It has {file.size:,} bytes; {LARGEST_FILE:,} are the most here."
                " Use manage.py import file FILE --reason …"
            )
        return file


class StoreForm(ImportForm):
    source = forms.ChoiceField(label="Kind", choices=SOURCES)
    store = forms.CharField(
        label="Name", max_length=50, help_text="Of the data store; of DataStore2 the main key."
    )
    scope = forms.CharField(label="Scope", max_length=50, initial="global")
    key_form = forms.CharField(
        label="Form of the keys",
        max_length=50,
        initial=USER,
        help_text=f"As Player_{USER}. Entries with another form are looked at too.",
    )
    reader = forms.ChoiceField(
        label="Form of the entries", choices=list(readers.NAMES.items()), initial=readers.AUTO
    )
    fields_read = PairsField("Names of fields", "points=Stats.Gold")
    divisor = forms.IntegerField(
        label="Divisor",
        min_value=1,
        max_value=1_000_000,
        initial=1,
        help_text="Of an ordered data store: 100 if it holds hundredths.",
    )
    field_order = (
        *("source", "experience", "store", "scope", "key_form", "reader", "fields_read"),
        *("divisor", "ranks", "reason"),
    )

    def options(self) -> dict[str, Any]:
        """Return how the data store is read."""
        data = self.cleaned_data
        return {
            **{name: data[name] for name in ("store", "scope", "reader", "divisor")},
            "keyForm": data["key_form"],
            "fields": {
                name: field
                for name, field in data["fields_read"].items()
                if name in {"points", "kos", "wos"}
            },
        }


FORMS: dict[str, Callable[..., ImportForm]] = {"file": FileForm, "store": StoreForm}
