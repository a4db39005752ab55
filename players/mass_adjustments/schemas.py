"""Request and response bodies of `/adjustments`."""

from decimal import Decimal
from typing import Annotated, Any

import msgspec

from players.api.schemas import Out, Time, UserId, Whole

MAX_ROWS = 10_000
Reason = Annotated[
    str, msgspec.Meta(min_length=1, max_length=500, pattern=r"^[^\u0000]*[^\s\u0000][^\u0000]*$")
]
Amount = Annotated[float, msgspec.Meta(gt=-1e11, lt=1e11, extra_json_schema={"not": {"const": 0}})]


class AdjustmentRowIn(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A player and the points to add, or to subtract if negative: at most two decimals, not 0."""

    user_id: UserId
    amount: Amount
    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""


class AdjustmentAsSent(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    reason: Reason
    rows: Annotated[list[Any], msgspec.Meta(min_length=1, max_length=MAX_ROWS)]


class AdjustmentIn(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The reason and the rows, one per player.

    A request with an invalid row is refused as a whole, and `errors` names every invalid row.
    """

    reason: Reason
    rows: Annotated[list[AdjustmentRowIn], msgspec.Meta(min_length=1, max_length=MAX_ROWS)]


class SkippedOut(Out, frozen=True):
    """A row that changes nothing, and the reason. `line` counts from 1."""

    line: Whole
    user_id: int
    amount: Decimal
    note: str


class AdjustmentOut(Out, frozen=True):
    """An adjustment.

    `rows` counts applied, skipped and pending rows. `total` is the sum of the changes, `moved` the
    sum without signs. `status`: preview, waiting (for a second person), applying, done or rejected.
    `progress` is 0 to 1. `skippedRows` has the first hundred. `error` says why the last attempt
    stopped; it is retried.
    """

    id: int
    status: str
    reason: str
    rows: Whole
    skipped: Whole
    applied: Whole
    total: Decimal
    moved: Decimal
    progress: float
    error: str
    inverse_of: int | None
    created_at: Time
    approved_at: Time | None
    finished_at: Time | None
    skipped_rows: list[SkippedOut]
