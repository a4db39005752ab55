"""Errors whose text is shown to the person who made the request."""


class Refused(Exception):
    """An action that is not allowed or makes no sense. The text explains why to the requester."""


class NotAllowed(Refused):
    """An action that the requester may not do. The audit log records it."""


class Unconfirmed(Refused):
    """An action of somebody whose last answer from Roblox is too old to act on."""
