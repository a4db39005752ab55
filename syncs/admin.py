"""The console's door to syncs."""

from syncs import adjustments_admin  # noqa: F401 - registers itself
