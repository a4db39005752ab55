"""List every column, log, stream and file that may hold a person, with how each forgets.

Each app lists its own tables in `personal_data.py`; `players.personal_data` also lists those of
`audits` and `roblox`. A test compares the list with the database: it fails for a column that may
hold a person and is not listed. To add a column, use `held(…)` with how it forgets, or
`impersonal(…)` with why it never holds anybody.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils.module_loading import autodiscover_modules

from players.privacy.person import Person

Forget = Callable[[Person], None]
# Goes through a stretch behind `after` (None: from the beginning) and gives its end; None when
# nothing is left.
Sweep = Callable[[Person, Any], Any]


@dataclass(frozen=True, slots=True)
class Drop:
    """The whole row goes where it is theirs: where the column `by` says so (see OWNERS)."""

    by: str

    @property
    def told(self) -> str:
        return "the row is deleted where it is theirs"


@dataclass(frozen=True, slots=True)
class Blank:
    """The value goes where the row is theirs, and the row stays. `to`: what takes its place, as
    SQL.
    """

    by: str
    to: str = "''"

    @property
    def told(self) -> str:
        return "emptied where the row is theirs"


@dataclass(frozen=True, slots=True)
class Pseudonym:
    """Their Roblox id is replaced by the pseudonym; the row stays."""

    @property
    def told(self) -> str:
        return "the pseudonym takes the place of their id"


@dataclass(frozen=True, slots=True)
class Text:
    """May name anybody: `players.privacy.texts` reads all of it for each erasure, and leaves `…`.

    Under the keys `fixed` of JSON stand words of ours, which a name may equal by chance. `unique`:
    what is left must differ from that of every other row. `only`: the condition, as SQL, under
    which a row is read.
    """

    fixed: frozenset[str] = frozenset()
    unique: bool = False
    only: str = ""

    @property
    def told(self) -> str:
        return "every text is read, and loses the words that name them"


@dataclass(frozen=True, slots=True)
class By:
    """A function of the app forgets it, in the transaction of the erasure."""

    forget: Forget

    @property
    def told(self) -> str:
        return f"{self.forget.__module__}.{self.forget.__name__}"


@dataclass(frozen=True, slots=True)
class Until:
    """It goes by itself: `when` says after how long."""

    when: str

    @property
    def told(self) -> str:
        return f"goes by itself: {self.when}"


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another module forgets it; `how` says which, and how."""

    how: str

    @property
    def told(self) -> str:
        return self.how


How = Drop | Blank | Pseudonym | Text | By | Until | Elsewhere

# By what a row says whose it is: our id (in `players` the row's own), Roblox's, or a text like
# `player:12`, of which
# kind every other column is.
OURS, ROBLOX, SUBJECT = "ours", "roblox", "subject"
OWNERS = {"id": OURS, "player_id": OURS, "user_id": ROBLOX}


@dataclass(frozen=True, slots=True)
class Column:
    table: str
    name: str
    hows: tuple[How, ...]
    names: str = ""  # the column of the same table that says whose name this is


@dataclass(frozen=True, slots=True)
class Place:
    """A place outside the database: what it holds of a person, and how it forgets."""

    name: str
    holds: str
    forgets: str


@dataclass(slots=True)
class Registry:
    """What is registered. `walked`: the whole number by which a table is read stretch by stretch,
    where not `id`.
    """

    columns: dict[tuple[str, str], Column] = field(default_factory=dict)
    nobody: dict[tuple[str, str], str] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    walked: dict[str, str] = field(default_factory=dict)
    naming: list[Callable[[Person], Person]] = field(default_factory=list)
    sweeps: dict[str, Sweep] = field(default_factory=dict)
    _loaded: bool = False

    def load(self) -> "Registry":
        """With what each app's `personal` module registers."""
        if not self._loaded:
            self._loaded = True
            autodiscover_modules("personal_data")
        return self

    def of[Kind](self, kind: type[Kind]) -> Iterator[tuple[Column, Kind]]:
        """Every column that forgets in one way, with that way."""
        for column in self.columns.values():
            for how in column.hows:
                if isinstance(how, kind):
                    yield column, how


REGISTRY = Registry()


def held(table: str, column: str, *hows: How, names: str = "") -> None:
    """Register a column that may hold a person. `names`: it is a name of whoever that column of the
    table says.
    """
    _add(table, column)
    REGISTRY.columns[table, column] = Column(table, column, hows, names)


def impersonal(table: str, why: str, *columns: str) -> None:
    """Declare columns that never hold a person, and why."""
    for column in columns:
        _add(table, column)
        REGISTRY.nobody[table, column] = why


def place(name: str, *, holds: str, forgets: str) -> None:
    """Register a place outside the database."""
    REGISTRY.places[name] = Place(name, holds, forgets)


def walked_by(table: str, column: str) -> None:
    """Have a table without a numeric `id` read by this whole number, which an index serves."""
    REGISTRY.walked[table] = column


def naming(find: Callable[[Person], Person]) -> Callable[[Person], Person]:
    """Register a function that adds words by which a person is known, before anything of them is
    gone.
    """
    REGISTRY.naming.append(find)
    return find


def sweeping(name: str) -> Callable[[Sweep], Sweep]:
    """Register a function that reads what no statement can: it is called until it gives None."""

    def register(sweep: Sweep) -> Sweep:
        REGISTRY.sweeps[name] = sweep
        return sweep

    return register


def _add(table: str, column: str) -> None:
    if (table, column) in REGISTRY.columns or (table, column) in REGISTRY.nobody:
        raise ValueError(f"{table}.{column} is registered twice.")
