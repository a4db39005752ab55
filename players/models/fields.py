"""Define the constants and the column type that several tables share."""

from decimal import Decimal

from django.db import models

ZERO = Decimal(0)
RECONCILED = "reconciled"  # the type of a row that stands for `magnitude` rows which never came
REST = -1  # a session that no game has: see Session
CONSOLE = "console"  # the origin whose one session, 0, is the adjusted part
LONGEST_ORIGIN = (
    48  # an experience's key, and what sets a part of it apart: see players.experiences.origins
)


def points_field(**options: object) -> "models.DecimalField[Decimal, Decimal]":
    """An exact amount of points: two decimals, up to a trillion."""
    return models.DecimalField(max_digits=14, decimal_places=2, **options)  # type: ignore[arg-type]
