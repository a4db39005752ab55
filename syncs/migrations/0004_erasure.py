"""A trigger that deletes a player's rows in this app in the statement that erases the player."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION grps_erased_in_syncs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM memberships WHERE user_id = OLD.user_id;
    DELETE FROM drifts WHERE player_id = OLD.id OR (aspect IN ('role', 'restriction', 'points')
        AND subject = OLD.user_id::text) OR (aspect = 'entry' AND subject ~ ('(^|\\D)' || OLD.user_id || '(\\D|$)'));
    RETURN NULL;
END $$;

CREATE TRIGGER players_erased_in_syncs AFTER UPDATE OF erased_at ON players
    FOR EACH ROW WHEN (OLD.erased_at IS NULL AND NEW.erased_at IS NOT NULL)
    EXECUTE FUNCTION grps_erased_in_syncs();
"""

BACKWARD = """
DROP TRIGGER players_erased_in_syncs ON players;
DROP FUNCTION grps_erased_in_syncs;
"""


class Migration(migrations.Migration):
    dependencies = [("syncs", "0003_adjustments")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
