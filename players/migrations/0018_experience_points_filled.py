"""What every player earned in every experience, `earned` by the law that each counts as at least 0, and former names."""

from django.db import migrations

FORWARD = """
INSERT INTO experience_points (player_id, origin, total, counted)
SELECT player_id, origin, sum(total), true FROM sessions GROUP BY player_id, origin ORDER BY player_id, origin;

UPDATE players p SET earned = s.earned
FROM (SELECT player_id, sum(greatest(total, 0)) AS earned FROM experience_points GROUP BY player_id) s
WHERE s.player_id = p.id AND p.earned <> s.earned;

CREATE FUNCTION grps_player_renamed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO player_names (player_id, username, first_seen, last_seen)
    VALUES (OLD.id, OLD.username,
            coalesce((SELECT max(last_seen) FROM player_names WHERE player_id = OLD.id), OLD.created_at),
            statement_timestamp())
    ON CONFLICT (player_id, username) DO UPDATE SET last_seen = excluded.last_seen;
    RETURN NULL;
END $$;

-- An erased player is renamed too; what they were called before must not stay.
CREATE TRIGGER players_renamed AFTER UPDATE OF username ON players FOR EACH ROW
    WHEN (OLD.username IS DISTINCT FROM NEW.username AND NEW.erased_at IS NULL)
    EXECUTE FUNCTION grps_player_renamed();
"""

BACKWARD = """
DROP TRIGGER players_renamed ON players;
DROP FUNCTION grps_player_renamed();
UPDATE players p SET earned = s.earned
FROM (SELECT player_id, sum(total) AS earned FROM sessions GROUP BY player_id) s WHERE s.player_id = p.id;
DELETE FROM experience_points;
"""


class Migration(migrations.Migration):
    dependencies = [("players", "0017_experience_points")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
