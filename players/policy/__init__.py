"""The rules as pure functions of plain values and a policy bundle. No Django, no clock, and no I/O
but `load_bundle`.

Amounts are whole hundredths of a point, times are aware datetimes. The Luau twin of these rules is
held to the same cases, so that what a game decides at once is what GRPS would have decided.
"""
