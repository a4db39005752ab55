"""Store the joining time by Roblox, the membership of players by past readings, and resting roles.
"""

from django.db import migrations, models

FORWARD = """
UPDATE players p SET member = CASE WHEN m.left_at IS NULL THEN 'member' ELSE 'left' END,
    member_since = coalesce(m.left_at, m.seen_at), member_seen_at = m.seen_at,
    listed = p.listed AND m.left_at IS NULL
FROM (SELECT DISTINCT ON (user_id) user_id, left_at, seen_at FROM memberships
      ORDER BY user_id, (left_at IS NULL) DESC, seen_at DESC) m
WHERE m.user_id = p.user_id AND p.erased_at IS NULL;

UPDATE mirrors r SET status = 'resting', confirmed = NULL, version = r.version + 1, reason = ''
FROM players p WHERE p.id = r.player_id AND r.aspect = 'role' AND p.member = 'left';
"""

MIRRORED = """
CREATE OR REPLACE FUNCTION grps_players_mirrored() RETURNS trigger LANGUAGE plpgsql AS $$
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
    -- Live servers hear at once of whoever left or came back; of whom Roblox was not asked before they hear by asking.
    IF (NEW.rank_id, NEW.banned) IS DISTINCT FROM (OLD.rank_id, OLD.banned)
        OR (NEW.member <> OLD.member AND OLD.member <> 'unknown') THEN
        sanction := CASE WHEN NEW.banned THEN 'ban' WHEN held.is_punishment THEN 'suspension' END;
        PERFORM grps_mirror(NEW.id, 'standing', e.id, jsonb_build_object('rank', held.name, 'sanction', sanction)
            || CASE WHEN NEW.member IN ('left', 'guest') THEN jsonb_build_object('membership', NEW.member) ELSE '{}' END)
        FROM experiences e WHERE e.enabled AND e.universe_id IS NOT NULL ORDER BY e.id;
    END IF;
    IF NEW.adjusted_sequence <> OLD.adjusted_sequence THEN
        PERFORM grps_mirror(NEW.id, 'adjusted', e.id,
            jsonb_build_object('sequence', NEW.adjusted_sequence, 'total', (NEW.adjusted * 100)::bigint))
        FROM experiences e WHERE e.enabled AND e.universe_id IS NOT NULL ORDER BY e.id;
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER players_mirrored ON players;
CREATE TRIGGER players_mirrored AFTER UPDATE OF rank_id, banned, adjusted_sequence, member ON players
    FOR EACH ROW WHEN ((NEW.rank_id, NEW.banned, NEW.adjusted_sequence, NEW.member)
        IS DISTINCT FROM (OLD.rank_id, OLD.banned, OLD.adjusted_sequence, OLD.member))
    EXECUTE FUNCTION grps_players_mirrored();
"""

BACKWARD = """
CREATE OR REPLACE FUNCTION grps_players_mirrored() RETURNS trigger LANGUAGE plpgsql AS $$
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
DROP TRIGGER players_mirrored ON players;
CREATE TRIGGER players_mirrored AFTER UPDATE OF rank_id, banned, adjusted_sequence ON players
    FOR EACH ROW WHEN ((NEW.rank_id, NEW.banned, NEW.adjusted_sequence)
        IS DISTINCT FROM (OLD.rank_id, OLD.banned, OLD.adjusted_sequence))
    EXECUTE FUNCTION grps_players_mirrored();
"""


class Migration(migrations.Migration):
    dependencies = [("syncs", "0008_waiting_adjustments"), ("players", "0022_membership")]

    operations = [
        migrations.AddField(
            model_name="membership",
            name="joined_at",
            field=models.DateTimeField(help_text="by Roblox; a later one is another stay", null=True),
        ),
        migrations.AlterField(
            model_name="mirror",
            name="status",
            field=models.CharField(
                choices=[
                    ("pending", "Pending"),
                    ("confirmed", "Confirmed"),
                    ("parked", "Parked"),
                    ("resting", "rests until they are back in the group"),
                ],
                db_default="pending",
                max_length=10,
            ),
        ),
        migrations.RunSQL(FORWARD, migrations.RunSQL.noop),
        migrations.RunSQL(MIRRORED, BACKWARD),
    ]
