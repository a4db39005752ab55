"""Triggers that set the desired roles from links and players, and links of staff from before."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION grps_discord_wanted(the_user bigint) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT jsonb_build_object('rank', r.name, 'level', r.level, 'banned', p.banned,
                                               'left', p.member IN ('left', 'guest'))
                     FROM players p JOIN ranks r ON r.id = p.rank_id
                     WHERE p.user_id = the_user AND p.erased_at IS NULL), '{}')
$$;

CREATE FUNCTION grps_discord_mirror(the_account bigint, the_user bigint, wanted jsonb)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO discord_role_mirrors (discord_id, user_id, desired) VALUES (the_account, the_user, wanted)
    ON CONFLICT (discord_id) DO UPDATE SET
        desired = excluded.desired, user_id = excluded.user_id, version = discord_role_mirrors.version + 1,
        status = 'pending', attempts = 0, reason = '', retry_at = now(), wanted_at = now()
    WHERE (discord_role_mirrors.desired, discord_role_mirrors.user_id)
        IS DISTINCT FROM (excluded.desired, excluded.user_id)
$$;

CREATE FUNCTION grps_discord_linked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM grps_discord_mirror(OLD.discord_id, NULL, NULL);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM grps_discord_mirror(NEW.discord_id, NEW.user_id, grps_discord_wanted(NEW.user_id));
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION grps_discord_player() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM grps_discord_mirror(l.discord_id, l.user_id, grps_discord_wanted(l.user_id))
    FROM discord_links l WHERE l.user_id = NEW.user_id;
    RETURN NULL;
END $$;

CREATE TRIGGER links_mirrored AFTER INSERT OR DELETE OR UPDATE OF user_id, discord_id ON discord_links
    FOR EACH ROW EXECUTE FUNCTION grps_discord_linked();
CREATE TRIGGER players_mirrored_on_discord AFTER UPDATE OF rank_id, banned, member ON players
    FOR EACH ROW WHEN ((NEW.rank_id, NEW.banned, NEW.member) IS DISTINCT FROM (OLD.rank_id, OLD.banned, OLD.member))
    EXECUTE FUNCTION grps_discord_player();
CREATE TRIGGER new_players_mirrored_on_discord AFTER INSERT ON players
    FOR EACH ROW EXECUTE FUNCTION grps_discord_player();

INSERT INTO discord_links (user_id, discord_id, linked_at)
SELECT a.roblox_id, s.uid::bigint, s.date_joined
FROM socialaccount_socialaccount s JOIN staff_accounts a ON a.user_id = s.user_id
WHERE s.provider = 'discord' AND a.roblox_id IS NOT NULL AND s.uid ~ '^[0-9]{1,18}$'
ON CONFLICT DO NOTHING;
"""

BACKWARD = """
DROP TRIGGER new_players_mirrored_on_discord ON players;
DROP TRIGGER players_mirrored_on_discord ON players;
DROP TRIGGER links_mirrored ON discord_links;
DROP FUNCTION grps_discord_player;
DROP FUNCTION grps_discord_linked;
DROP FUNCTION grps_discord_mirror;
DROP FUNCTION grps_discord_wanted;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("discord_bot", "0001_initial"),
        ("players", "0022_membership"),
        ("console", "0005_one_person"),
        ("socialaccount", "0001_initial"),
    ]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
