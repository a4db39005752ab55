"""What the audit log says to whoever reads it, inside this process."""

from django.dispatch import Signal

# After new events have their places, outside any transaction.
sealed = Signal()
