"""Find players by a username that they had before."""

from django.db import connection

# The index serves the first letters. For each player it returns the matching name seen last.
FIND = """
    SELECT DISTINCT ON (f.player_id) f.player_id, f.username
    FROM (SELECT n.player_id, n.username, n.last_seen FROM player_names n
          WHERE lower(n.username) COLLATE "C" >= %s AND lower(n.username) COLLATE "C" < %s
          ORDER BY lower(n.username) COLLATE "C", n.id LIMIT %s) f
    JOIN players p ON p.id = f.player_id AND p.erased_at IS NULL AND lower(p.username) <> lower(f.username)
    ORDER BY f.player_id, f.last_seen DESC"""


def beginning_with(prefix: str, limit: int) -> dict[int, str]:
    """Return up to `limit` former usernames that begin with `prefix`, in any case, by our id.

    One for each player: the one seen last.
    """
    low = prefix.lower()
    with connection.cursor() as cursor:
        cursor.execute(FIND, [low, low + "\U0010ffff", limit])
        return dict(cursor.fetchall())
