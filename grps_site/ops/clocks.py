"""Skew of the clocks of GRPS's machines, in seconds ahead of the database's clock.

The database's clock decides everything, so a skew only misdates logs. It also shows that a machine
does not synchronise its clock, which other programs on it need.
"""

import datetime as dt

from django.db.models.functions import Now

from common import database_clock
from grps_site.models import Heartbeat
from grps_site.ops.unhealthy import Unhealthy

MOST = 5.0  # seconds
WEB = "web"  # the process that answers
RECENT = dt.timedelta(minutes=5)


def skews() -> dict[str, float]:
    """Return the skew of this process, and of workers and beat at their last heartbeats."""
    seen = Heartbeat.objects.filter(seen_at__gt=Now() - RECENT)
    return {WEB: database_clock.skew()} | dict(seen.values_list("name", "clock_skew"))


def check_clocks() -> str:
    found = skews()
    wrong = {name: skew for name, skew in found.items() if abs(skew) > MOST}
    if wrong:
        text = ", ".join(f"{name} {skew:+.0f} s" for name, skew in sorted(wrong.items()))
        raise Unhealthy(f"clocks differ from the database's: {text}; synchronise them (NTP)")
    return f"within {max(map(abs, found.values())):.1f} s of the database's"
