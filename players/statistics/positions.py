"""Write positions page by page: each is one more than the number of listed players with more."""

from dataclasses import asdict, dataclass
from typing import Any, Self

from django.db import connection

PAGE = 10_000

# `rows` has the columns player_id, amount and listed, and comes in order. `write` reads `placed`.
PLACE = """
    WITH page AS ({rows} LIMIT {page}), placed AS (
        SELECT player_id, amount, listed,
               CASE WHEN amount = %(amount)s::text::numeric THEN %(position)s
               ELSE %(ahead)s + 1 + coalesce(count(*) FILTER (WHERE listed) OVER (
                   ORDER BY amount DESC GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
               END AS position
        FROM page
    ), written AS ({write})
    SELECT amount::text, player_id, position, count(*) OVER (),
           count(*) FILTER (WHERE listed) OVER ()
    FROM placed ORDER BY placed.amount, player_id LIMIT 1"""


@dataclass(frozen=True, slots=True)
class Place:
    """The last player that was placed. `ahead`: the number of listed players up to them."""

    amount: str
    player: int = 0
    position: int = 0
    ahead: int = 0

    @property
    def saved(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def load(cls, saved: dict[str, Any]) -> Self:
        return cls(**saved)


@dataclass(frozen=True, slots=True)
class Listing:
    """A list to place, as SQL. `rows` continues after `amount` and `player`."""

    rows: str
    write: str
    parameters: dict[str, Any]

    def place(self, after: Place) -> tuple[Place, int]:
        """Write the positions of the next page; return where it ends and its number of rows."""
        query = PLACE.format(rows=self.rows, write=self.write, page=PAGE)
        with connection.cursor() as cursor:
            cursor.execute(query, self.parameters | after.saved)
            last = cursor.fetchone()
        if last is None:
            return after, 0
        amount, player, position, rows, listed = last
        return Place(amount, player, position, after.ahead + listed), rows
