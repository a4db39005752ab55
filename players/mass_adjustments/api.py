"""`/adjustments`: adjust many players by one signed call."""

from typing import Any

import msgspec
from django.db import transaction
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audits.record import Actor
from common import database_clock
from common.amounts import NotAnAmount, hundredths_of
from common.errors import Refused
from players.api import parameters
from players.api.base import Conflict, View
from players.api.parameters import Parameter
from players.mass_adjustments import chunk_executor, file_previews
from players.mass_adjustments.files import SHOWN, FileRow
from players.mass_adjustments.lifecycle import ADJUSTMENTS
from players.mass_adjustments.schemas import (
    AdjustmentAsSent,
    AdjustmentIn,
    AdjustmentOut,
    AdjustmentRowIn,
    SkippedOut,
)
from players.models import Adjustment, AdjustmentRow
from players.moderation.actors import Staff

AUTOMATION = Staff(Actor("system", "automation", "automation"), rank=None)
IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    {"type": "string", "pattern": "^[!-~]{1,128}$"},
    "1 to 128 visible ASCII characters, new for each request. The same key again returns the"
    " adjustment of the first request.",
    required=True,
)


class Adjust(View):
    """Adjust up to 10,000 players at once, in the background.

    Above a limit a second person must approve it first. A repeated request with the same
    `Idempotency-Key` changes nothing and returns the same adjustment.
    """

    caller, request_body, response_body = "signed", AdjustmentIn, AdjustmentOut
    response_status = 202
    header_parameters = (IDEMPOTENCY_KEY,)
    error_statuses = (400, 409)

    def post(self, request: Request) -> Response:
        key = parameters.header(request, IDEMPOTENCY_KEY)
        reason, rows = _asked(request)
        now = database_clock.now()
        try:
            with transaction.atomic():
                made = file_previews.preview(
                    rows, by=AUTOMATION, reason=reason, idempotency_key=f"http:{key}", now=now
                )
                made = ADJUSTMENTS.start(made.pk, by=AUTOMATION, now=now)
        except file_previews.KeyConflict as conflict:
            raise Conflict(str(conflict)) from None
        except file_previews.Invalid as invalid:
            raise ValidationError({"rows": invalid.errors.shown}) from None
        except Refused as refusal:
            raise ValidationError(str(refusal)) from None
        return Response(
            _out(made), status=self.response_status, headers={"Location": f"/adjustments/{made.pk}"}
        )


class OneAdjustment(View):
    """An adjustment: its progress, and its skipped rows."""

    caller, response_body = "signed", AdjustmentOut
    error_statuses = (404,)

    def get(self, request: Request, adjustment_id: int) -> Response:
        adjustment = Adjustment.objects.filter(pk=adjustment_id).first()
        if adjustment is None:
            raise NotFound(f"There is no adjustment {adjustment_id}.")
        return Response(_out(adjustment))


def _asked(request: Request) -> tuple[str, list[FileRow]]:
    """Return the reason and the rows. Raises ValidationError naming up to a hundred invalid rows."""
    try:
        sent = msgspec.convert(request.data, AdjustmentAsSent)
    except msgspec.ValidationError as error:
        raise ValidationError(f"{error}.") from None
    errors: dict[str, str] = {}
    rows: list[FileRow] = []
    places: dict[int, int] = {}
    for index, item in enumerate(sent.rows):
        row = _row(index, item, errors)
        if row is None:
            continue
        if places.setdefault(row.user_id, index) != index:
            errors[f"rows[{index}].userId"] = (
                f"{row.user_id} stands in rows[{places[row.user_id]}] already; keep one row for a player."
            )
        rows.append(row)
    if errors:
        raise ValidationError(_shown(errors))
    return sent.reason, rows


def _row(index: int, item: Any, errors: dict[str, str]) -> FileRow | None:
    place = f"rows[{index}]"
    try:
        row = msgspec.convert(item, AdjustmentRowIn)
    except msgspec.ValidationError as error:
        said, _, field = str(error).partition(" - at `$")
        errors[place + field.rstrip("`")] = f"{said}."
        return None
    try:
        amount = hundredths_of(row.amount)
    except NotAnAmount as error:
        errors[f"{place}.amount"] = f"{error}, like 12.50."
        return None
    if amount == 0:
        errors[f"{place}.amount"] = "must not be 0: leave the row out."
        return None
    return FileRow(index + 1, row.user_id, amount, row.reason.strip())


def _shown(errors: dict[str, str]) -> dict[str, str]:
    if len(errors) <= SHOWN:
        return errors
    return {
        **dict(list(errors.items())[:SHOWN]),
        "rows": f"have {len(errors)} errors; the first {SHOWN} are shown.",
    }


def _out(adjustment: Adjustment) -> AdjustmentOut:
    skipped = adjustment.lines.filter(status=AdjustmentRow.Status.SKIPPED).order_by("line")[:SHOWN]
    return AdjustmentOut(
        id=adjustment.pk,
        status=adjustment.status,
        reason=adjustment.reason,
        rows=adjustment.rows,
        skipped=adjustment.skipped,
        applied=adjustment.applied,
        total=adjustment.total,
        moved=adjustment.moved,
        progress=chunk_executor.progress(adjustment),
        error=adjustment.error,
        inverse_of=adjustment.inverse_of_id,
        created_at=adjustment.created_at,
        approved_at=adjustment.approved_at,
        finished_at=adjustment.finished_at,
        skipped_rows=[SkippedOut(row.line, row.user_id, row.amount, row.note) for row in skipped],
    )
