"""Path converters for ids.

A number that no column can hold gives 404 instead of a database error.
"""

from django.urls import register_converter


class UserIdConverter:
    """A Roblox user id: a whole number of 64 bits, from 1."""

    regex = "[0-9]{1,19}"

    def to_python(self, value: str) -> int:
        number = int(value)
        if not 0 < number < 2**63:
            raise ValueError
        return number

    def to_url(self, value: int) -> str:
        return str(value)


class RowIdConverter(UserIdConverter):
    """The id of a row in our database."""


register_converter(UserIdConverter, "userid")
register_converter(RowIdConverter, "rowid")
