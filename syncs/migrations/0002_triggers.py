"""Triggers that update mirrors from the players' rows, so that no code path can forget it."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION grps_mirror(the_player bigint, the_aspect text, the_experience bigint, wanted jsonb)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO mirrors (player_id, aspect, experience_id, desired)
    VALUES (the_player, the_aspect, the_experience, wanted)
    ON CONFLICT (player_id, aspect, experience_id) DO UPDATE SET
        desired = excluded.desired, version = mirrors.version + 1, status = 'pending', attempts = 0, reason = '',
        retry_at = now(), wanted_at = now()
    WHERE mirrors.desired IS DISTINCT FROM excluded.desired
$$;

CREATE FUNCTION grps_players_mirrored() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    held ranks%ROWTYPE;
    sanction text;
BEGIN
    IF NEW.user_id <= 0 OR NEW.erased_at IS NOT NULL THEN
        RETURN NULL;
    END IF;
    SELECT * INTO held FROM ranks WHERE id = NEW.rank_id;
    IF NEW.rank_id IS DISTINCT FROM OLD.rank_id THEN
        PERFORM grps_mirror(NEW.id, 'role', NULL, jsonb_build_object('role', held.role, 'rank', held.name));
    END IF;
    IF (NEW.rank_id, NEW.banned) IS DISTINCT FROM (OLD.rank_id, OLD.banned) THEN
        sanction := CASE WHEN NEW.banned THEN 'ban' WHEN held.is_punishment THEN 'suspension' END;
        PERFORM grps_mirror(NEW.id, 'standing', e.id, jsonb_build_object('rank', held.name, 'sanction', sanction))
        FROM experiences e WHERE e.enabled AND e.universe_id IS NOT NULL ORDER BY e.id;
    END IF;
    IF NEW.adjusted_sequence <> OLD.adjusted_sequence THEN
        PERFORM grps_mirror(NEW.id, 'adjusted', e.id,
            jsonb_build_object('sequence', NEW.adjusted_sequence, 'total', (NEW.adjusted * 100)::bigint))
        FROM experiences e WHERE e.enabled AND e.universe_id IS NOT NULL ORDER BY e.id;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION grps_sanctions_mirrored() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    known bigint;
BEGIN
    SELECT user_id INTO known FROM players WHERE id = NEW.player_id;
    IF NEW.kind <> 'ban' OR known <= 0 THEN
        RETURN NULL;
    END IF;
    PERFORM grps_mirror(NEW.player_id, 'restriction', e.id, jsonb_build_object(
        'active', NEW.lifted_at IS NULL, 'sanction', NEW.id,
        'until', to_char(NEW.ends_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')))
    FROM experiences e WHERE e.enabled AND e.universe_id IS NOT NULL ORDER BY e.id;
    RETURN NULL;
END $$;

CREATE TRIGGER players_mirrored AFTER UPDATE OF rank_id, banned, adjusted_sequence ON players
    FOR EACH ROW WHEN ((NEW.rank_id, NEW.banned, NEW.adjusted_sequence)
        IS DISTINCT FROM (OLD.rank_id, OLD.banned, OLD.adjusted_sequence))
    EXECUTE FUNCTION grps_players_mirrored();
CREATE TRIGGER sanctions_mirrored AFTER INSERT OR UPDATE OF lifted_at, ends_at ON sanctions
    FOR EACH ROW EXECUTE FUNCTION grps_sanctions_mirrored();
"""

BACKWARD = """
DROP TRIGGER sanctions_mirrored ON sanctions;
DROP TRIGGER players_mirrored ON players;
DROP FUNCTION grps_sanctions_mirrored;
DROP FUNCTION grps_players_mirrored;
DROP FUNCTION grps_mirror;
"""


class Migration(migrations.Migration):
    dependencies = [("syncs", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
