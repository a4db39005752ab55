"""The rules as pure functions of plain values and a policy bundle.

No Django, no clock, and no I/O except `load_bundle`. Amounts are whole hundredths of a point, times
are aware datetimes. The Luau version of these rules is tested with the same cases, so a game's
immediate decision is the one that GRPS would make.
"""
