"""Convert points between whole hundredths, for the rules, and `Decimal`, for people and tables."""

from decimal import Decimal

HUNDRED = Decimal(100)
LIMIT = 1e11  # points


class NotAnAmount(ValueError):
    """The value is not a finite number with at most two decimals within the limit."""


def hundredths(amount: Decimal) -> int:
    """Return `amount` in whole hundredths. Raises NotAnAmount instead of rounding."""
    if not amount.is_finite() or amount.adjusted() > 12:
        raise NotAnAmount("must be a finite number below a hundred billion")
    scaled = amount * HUNDRED
    whole = int(scaled)
    if whole != scaled:
        raise NotAnAmount("must have at most two decimals")
    return whole


def hundredths_of(number: float) -> int:
    """Return a JSON number in whole hundredths. Raises NotAnAmount for more than two decimals.

    Below 10**13 every amount of hundredths has its own double, so the conversion is exact in both
    directions.
    """
    if not -LIMIT < number < LIMIT:
        raise NotAnAmount("must be a finite number below a hundred billion")
    whole = round(number * 100)
    if whole / 100 != number:
        raise NotAnAmount("must have at most two decimals")
    return whole


def points(amount: int) -> Decimal:
    """Return `amount` hundredths as points, always with two decimals."""
    return Decimal(amount).scaleb(-2)
