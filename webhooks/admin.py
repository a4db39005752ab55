"""The console's door to the webhooks."""

from webhooks import inbound_admin

__all__ = ["inbound_admin"]
