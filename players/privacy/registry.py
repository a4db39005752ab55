"""List every column, log, stream and file that may hold personal data, with how each is erased.

Each app lists its own tables in `personal_data.py`; `players.personal_data` also lists those of
`audits` and `roblox`. A test compares the list with the database: it fails for an unlisted column
that may hold personal data. To add a column, use `held(…)` with how it is erased, or
`impersonal(…)` with why it never holds any.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils.module_loading import autodiscover_modules

from players.privacy.person import Person

Forget = Callable[[Person], None]
# Processes a batch after `after` (None: from the start), and returns where it ends, None if nothing
# is left.
Sweep = Callable[[Person, Any], Any]


@dataclass(frozen=True, slots=True)
class Drop:
    """Delete the whole row if it is the person's, by the column `by` (see OWNERS)."""

    by: str

    @property
    def told(self) -> str:
        return "the row is deleted where it is theirs"


@dataclass(frozen=True, slots=True)
class Blank:
    """Replace the value by `to` (SQL) if the row is the person's. The row stays."""

    by: str
    to: str = "''"

    @property
    def told(self) -> str:
        return "emptied where the row is theirs"


@dataclass(frozen=True, slots=True)
class Pseudonym:
    """Replace the person's Roblox id by the pseudonym. The row stays."""

    @property
    def told(self) -> str:
        return "the pseudonym takes the place of their id"


@dataclass(frozen=True, slots=True)
class Text:
    """The text may name anybody. `players.privacy.texts` reads all of it for each erasure.

    Names become `…`. Values under the keys `fixed` of JSON are our own terms, which may equal a
    name by chance. `unique`: the result must differ from that of every other row. `only`: the SQL
    condition for the rows to read.
    """

    fixed: frozenset[str] = frozenset()
    unique: bool = False
    only: str = ""

    @property
    def told(self) -> str:
        return "every text is read, and loses the words that name them"


@dataclass(frozen=True, slots=True)
class By:
    """A function of the app erases it, in the transaction of the erasure."""

    forget: Forget

    @property
    def told(self) -> str:
        return f"{self.forget.__module__}.{self.forget.__name__}"


@dataclass(frozen=True, slots=True)
class Until:
    """It is deleted after a time anyway. `when` says after how long."""

    when: str

    @property
    def told(self) -> str:
        return f"goes by itself: {self.when}"


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another module erases it. `how` says which, and how."""

    how: str

    @property
    def told(self) -> str:
        return self.how


How = Drop | Blank | Pseudonym | Text | By | Until | Elsewhere

# How a column identifies the person: by our id (in `players` the row's own), by Roblox's id, or by a
# text like `player:12` in every other column.
OURS, ROBLOX, SUBJECT = "ours", "roblox", "subject"
OWNERS = {
    "id": OURS,
    "player_id": OURS,
    "reporter_id": OURS,
    "reported_id": OURS,
    "user_id": ROBLOX,
}


@dataclass(frozen=True, slots=True)
class Column:
    table: str
    name: str
    hows: tuple[How, ...]
    names: str = ""  # the column of the same table that identifies the name's owner


@dataclass(frozen=True, slots=True)
class Place:
    """A place outside the database: what personal data it holds, and how that is erased."""

    name: str
    holds: str
    forgets: str


@dataclass(slots=True)
class Registry:
    """The registered places.

    `walked`: the integer column by which a table is read in batches, if not `id`.
    """

    columns: dict[tuple[str, str], Column] = field(default_factory=dict)
    nobody: dict[tuple[str, str], str] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    walked: dict[str, str] = field(default_factory=dict)
    naming: list[Callable[[Person], Person]] = field(default_factory=list)
    sweeps: dict[str, Sweep] = field(default_factory=dict)
    _loaded: bool = False

    def load(self) -> "Registry":
        """Import the `personal_data` module of each app, once, and return the registry."""
        if not self._loaded:
            self._loaded = True
            autodiscover_modules("personal_data")
        return self

    def of[Kind](self, kind: type[Kind]) -> Iterator[tuple[Column, Kind]]:
        """Yield every column that is erased in one way, with that way."""
        for column in self.columns.values():
            for how in column.hows:
                if isinstance(how, kind):
                    yield column, how


REGISTRY = Registry()


def held(table: str, column: str, *hows: How, names: str = "") -> None:
    """Register a column that may hold personal data.

    `names`: the column holds names, and this is the column that says whose name it is.
    """
    _add(table, column)
    REGISTRY.columns[table, column] = Column(table, column, hows, names)


def impersonal(table: str, why: str, *columns: str) -> None:
    """Register columns that never hold personal data, and why."""
    for column in columns:
        _add(table, column)
        REGISTRY.nobody[table, column] = why


def place(name: str, *, holds: str, forgets: str) -> None:
    """Register a place outside the database."""
    REGISTRY.places[name] = Place(name, holds, forgets)


def walked_by(table: str, column: str) -> None:
    """Have a table without a numeric `id` read by this integer column, which needs an index."""
    REGISTRY.walked[table] = column


def naming(find: Callable[[Person], Person]) -> Callable[[Person], Person]:
    """Register a function that adds names and ids of a person, before anything is erased."""
    REGISTRY.naming.append(find)
    return find


def sweeping(name: str) -> Callable[[Sweep], Sweep]:
    """Register a function that erases what no statement can. It is called until it returns None."""

    def register(sweep: Sweep) -> Sweep:
        REGISTRY.sweeps[name] = sweep
        return sweep

    return register


def _add(table: str, column: str) -> None:
    if (table, column) in REGISTRY.columns or (table, column) in REGISTRY.nobody:
        raise ValueError(f"{table}.{column} is registered twice.")
