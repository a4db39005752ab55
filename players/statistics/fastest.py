"""Find the players who reached each rank of the ladder in the shortest time."""

from django.db import connection

from players.models import FastestPromotion

PLACES = 5

# Nobody is named for a rank above their present one. Ranks taken over from Roblox took no time
# here.
FIND = f"""
    WITH promotions AS (
        SELECT DISTINCT ON (d.to_rank_id, d.player_id) d.to_rank_id AS rank_id, d.player_id,
               extract(epoch FROM d.decided_at - p.created_at)::bigint AS seconds
        FROM decisions d JOIN players p ON p.id = d.player_id
             JOIN ranks r ON r.id = d.to_rank_id JOIN ranks f ON f.id = d.from_rank_id
             JOIN ranks n ON n.id = coalesce(p.former_rank_id, p.rank_id)
        WHERE d.status = 'applied' AND d.reverts IS NULL AND d.source <> 'roblox'
          AND d.decided_at >= p.created_at AND p.listed
          AND (d.kind = 'promotion' OR d.kind = 'hand' AND r.position > f.position)
          AND NOT (r.is_punishment OR f.is_punishment OR r.ignored OR r.retired)
          AND r.position <= n.position
        ORDER BY d.to_rank_id, d.player_id, d.decided_at
    ), placed AS (
        SELECT *, row_number() OVER (PARTITION BY rank_id ORDER BY seconds, player_id) AS place
        FROM promotions
    )
    INSERT INTO fastest_promotions (rank_id, place, player_id, seconds)
    SELECT rank_id, place, player_id, seconds FROM placed WHERE place <= {PLACES}"""


def find() -> None:
    """Replace the stored ones. Runs within a step (players.statistics.steps)."""
    FastestPromotion.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute(FIND)
