"""Define the constants and the column type that several tables share."""

from decimal import Decimal

from django.db import models

ZERO = Decimal(0)
RECONCILED = "reconciled"  # the type of a row that replaces `magnitude` rows that never arrived
IMPORTED = "imported"  # the type of a row that sets the points from before GRPS; see RECONCILED
LEGACY = 0  # the session of what a player had in an experience before GRPS
REST = -1  # a session number that no game uses: see Session
CONSOLE = "console"  # the origin of the adjusted part, which is its only session, 0
LONGEST_ORIGIN = (
    48  # an experience's key and a suffix for a separate part: see players.experiences.origins
)


def points_field(**options: object) -> "models.DecimalField[Decimal, Decimal]":
    """Return a field for exact points: two decimals, below a trillion."""
    return models.DecimalField(max_digits=14, decimal_places=2, **options)  # type: ignore[arg-type]
