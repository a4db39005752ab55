"""Errors whose text is for the person who asked."""


class Refused(Exception):
    """An act that is not allowed or makes no sense; the text says why, for the person who asked."""


class NotAllowed(Refused):
    """An act that the person who asked may not do; it is told in the audit log."""


class Unconfirmed(Refused):
    """An act of somebody about whom Roblox's last word is too old to act on."""
