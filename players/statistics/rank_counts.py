"""Count the listed players of each rank, as the public sees their ranks."""

from django.db import connection

COUNT = """
    WITH counted AS (
        SELECT r.id AS rank_id, coalesce(c.players, 0) AS players
        FROM ranks r LEFT JOIN (
            SELECT coalesce(former_rank_id, rank_id) AS rank_id, count(*) AS players
            FROM players WHERE listed GROUP BY 1) c ON c.rank_id = r.id
    )
    INSERT INTO rank_counts (rank_id, players) SELECT rank_id, players FROM counted ORDER BY rank_id
    ON CONFLICT (rank_id) DO UPDATE SET players = excluded.players
    WHERE rank_counts.players <> excluded.players"""


def count() -> int:
    """Recount all ranks; return the number of counts that changed."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT)
        return int(cursor.rowcount)
