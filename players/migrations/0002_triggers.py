"""The ledger is append-only, and every move of a listed player's points is noted for the leaderboard's counts."""

from django.db import migrations

FORWARD = """
CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger
    FOR EACH STATEMENT EXECUTE FUNCTION grps_refuse();

CREATE FUNCTION grps_leaderboard_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO leaderboard_changes (before, after)
    SELECT CASE WHEN o.listed THEN (o.points * 100)::bigint END, CASE WHEN n.listed THEN (n.points * 100)::bigint END
    FROM was o JOIN now_is n ON n.id = o.id
    WHERE (o.points, o.listed) IS DISTINCT FROM (n.points, n.listed);
    RETURN NULL;
END $$;

CREATE FUNCTION grps_leaderboard_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO leaderboard_changes (before, after)
    SELECT NULL, (n.points * 100)::bigint FROM now_is n WHERE n.listed;
    RETURN NULL;
END $$;

CREATE FUNCTION grps_leaderboard_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO leaderboard_changes (before, after)
    SELECT (o.points * 100)::bigint, NULL FROM was o WHERE o.listed;
    RETURN NULL;
END $$;

CREATE TRIGGER players_leaderboard_update AFTER UPDATE ON players
    REFERENCING OLD TABLE AS was NEW TABLE AS now_is
    FOR EACH STATEMENT EXECUTE FUNCTION grps_leaderboard_updated();
CREATE TRIGGER players_leaderboard_insert AFTER INSERT ON players REFERENCING NEW TABLE AS now_is
    FOR EACH STATEMENT EXECUTE FUNCTION grps_leaderboard_inserted();
CREATE TRIGGER players_leaderboard_delete AFTER DELETE ON players REFERENCING OLD TABLE AS was
    FOR EACH STATEMENT EXECUTE FUNCTION grps_leaderboard_deleted();

ALTER TABLE leaderboard_changes SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
ALTER TABLE leaderboard_buckets SET (fillfactor = 70);
"""

BACKWARD = """
DROP TRIGGER players_leaderboard_delete ON players;
DROP TRIGGER players_leaderboard_insert ON players;
DROP TRIGGER players_leaderboard_update ON players;
DROP FUNCTION grps_leaderboard_deleted();
DROP FUNCTION grps_leaderboard_inserted();
DROP FUNCTION grps_leaderboard_updated();
DROP TRIGGER ledger_append_only ON ledger;
"""


class Migration(migrations.Migration):
    dependencies = [("players", "0001_initial"), ("audits", "0002_triggers")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
