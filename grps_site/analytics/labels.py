"""Published labels that no policy and no experience knows.

A game writes them: a stolen key could put a name there.
"""

from django.db import connection

from players.models import CONSOLE, IMPORTED, RECONCILED, PolicyVersion
from players.points.recommendations import KIND
from roblox.models import Experience

ADJUSTMENT = "adjustment"
AT_MOST = 5
UNKNOWN = {
    "ledger.type": "SELECT DISTINCT type FROM ledger WHERE type <> ALL (%(types)s)",
    "ledger.origin": """
        SELECT DISTINCT origin FROM daily_points
        WHERE split_part(origin, '~', 1) <> ALL (%(origins)s)""",
    "daily_figures.label": """
        SELECT DISTINCT label FROM daily_figures
        WHERE split_part(label, '~', 1) <> ALL (%(origins)s || ARRAY[''])""",
}


def unknown() -> list[str]:
    """Describe the unknown labels. Reads every row of the ledger."""
    known = {
        "types": _types(),
        "origins": [CONSOLE, *Experience.objects.values_list("key", flat=True)],
    }
    found = []
    with connection.cursor() as cursor:
        for column, query in UNKNOWN.items():
            cursor.execute(f"{query} ORDER BY 1 LIMIT {AT_MOST}", known)
            found += [
                f"{column} has {label!r}, which no policy and no experience knows"
                for (label,) in cursor.fetchall()
            ]
    return found


def _types() -> list[str]:
    documents = PolicyVersion.objects.values_list("documents", flat=True)
    events = {name for document in documents for name in document["points"]["events"]}
    return sorted(events | {ADJUSTMENT, IMPORTED, RECONCILED, KIND})
