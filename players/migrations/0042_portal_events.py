from django.db import migrations

EVENTS = """
CREATE TYPE portal.event_of_player AS (
    id bigint, kind text, title text, experience text, started_at timestamptz, hosted boolean);
CREATE TYPE portal.upcoming_event AS (
    id bigint, kind text, title text, description text, experience text, starts_at timestamptz,
    minutes integer, running boolean, host_id bigint, host_username text, host_display_name text);

-- The kinds of hosted events in the active policy, each with its title.
CREATE FUNCTION portal.event_kinds() RETURNS TABLE (kind text, title text) LANGUAGE sql
STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT k.key, k.value ->> 'title' FROM policy_versions v
    CROSS JOIN LATERAL jsonb_each(
        coalesce(v.documents::jsonb #> '{community,hostedEvents,kinds}', '{}'::jsonb)) k
    WHERE v.is_active
$$;

-- What a listed player attended or hosted, newest first, with the names of kinds and games.
CREATE FUNCTION portal.events_of(user_id bigint, most integer DEFAULT 20)
RETURNS SETOF portal.event_of_player LANGUAGE sql
STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT h.id, h.kind, coalesce(k.title, h.kind), coalesce(x.name, h.experience), h.started_at, h.hosted
    FROM portal.hosted_events(events_of.user_id, events_of.most) h
    LEFT JOIN portal.event_kinds() k ON k.kind = h.kind
    LEFT JOIN experiences x ON x.key = h.experience
    ORDER BY h.started_at DESC, h.id DESC, h.hosted
$$;

-- What runs or is planned, soonest first. A host who is in no public list has no name here.
CREATE FUNCTION portal.upcoming_events(most integer DEFAULT 20)
RETURNS SETOF portal.upcoming_event LANGUAGE sql
STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT e.id, e.kind::text, coalesce(nullif(e.title, ''), k.title, e.kind)::text,
           e.description, coalesce(x.name, e.experience)::text,
           coalesce(e.started_at, e.starts_at), e.minutes::integer, e.status = 'running',
           p.user_id, p.username::text, p.display_name::text
    FROM hosted_events e
    LEFT JOIN portal.event_kinds() k ON k.kind = e.kind
    LEFT JOIN experiences x ON x.key = e.experience
    LEFT JOIN players p ON p.id = e.host_id AND p.listed
    WHERE e.status = 'running'
       OR e.status = 'planned' AND e.starts_at > now() - interval '1 hour'
    ORDER BY coalesce(e.started_at, e.starts_at), e.id LIMIT greatest(0, least(most, 100))
$$;
"""

DROP = """
DROP FUNCTION portal.upcoming_events(integer), portal.events_of(bigint, integer), portal.event_kinds();
DROP TYPE portal.upcoming_event, portal.event_of_player;
"""


class Migration(migrations.Migration):
    dependencies = [("players", "0041_rank_restrictions")]

    operations = [migrations.RunSQL(EVENTS, DROP)]
