"""Officers, a member, and days."""

from tests.players.discipline.conftest import people

__all__ = ["people"]
