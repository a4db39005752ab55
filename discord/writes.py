"""Whether GRPS may write to Discord: switched on, and not held since the database was restored."""

from django.conf import settings

from roblox import write_hold


def why_off() -> str:
    """Return why nothing may be written to Discord now, empty if writing is on."""
    if not settings.DISCORD_WRITES:
        return "DISCORD_WRITES is off."
    return write_hold.reason()
