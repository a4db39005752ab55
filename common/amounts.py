"""Points between their two forms: whole hundredths where rules decide, `Decimal` where people and
tables read.
"""

from decimal import Decimal

HUNDRED = Decimal(100)
LIMIT = 1e11  # points


class NotAnAmount(ValueError):
    """The value is not a finite number with at most two decimals within the limit."""


def hundredths(amount: Decimal) -> int:
    """Whole hundredths of `amount`. Raises NotAnAmount rather than round."""
    if not amount.is_finite() or amount.adjusted() > 12:
        raise NotAnAmount("must be a finite number below a hundred billion")
    scaled = amount * HUNDRED
    whole = int(scaled)
    if whole != scaled:
        raise NotAnAmount("must have at most two decimals")
    return whole


def hundredths_of(number: float) -> int:
    """Whole hundredths of a JSON number. Raises NotAnAmount for one that no amount with two
    decimals is written as.

    Below 10**13 every amount of hundredths has its own double, so that the way there and back is
    exact.
    """
    if not -LIMIT < number < LIMIT:
        raise NotAnAmount("must be a finite number below a hundred billion")
    whole = round(number * 100)
    if whole / 100 != number:
        raise NotAnAmount("must have at most two decimals")
    return whole


def points(amount: int) -> Decimal:
    """`amount` hundredths as points, always with two decimals."""
    return Decimal(amount).scaleb(-2)
