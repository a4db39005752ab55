"""Ids in texts: what a column of 64 bits holds."""

LARGEST = 2**63 - 1


def is_row_id(text: str) -> bool:
    """Whether `text` is a whole number from 0 that fits a 64-bit column, in ASCII digits."""
    return text.isascii() and text.isdecimal() and len(text) <= 19 and int(text) <= LARGEST
