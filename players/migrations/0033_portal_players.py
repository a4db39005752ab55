"""Functions of the schema `portal`: one player, their days, the search."""

from django.db import migrations

DEFINER = "STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"

PLAYER = f"""
CREATE TYPE portal.player_facts AS (
    id bigint, user_id bigint, username text, display_name text, points numeric, rank text,
    rank_slug text, level text, rank_since timestamptz, joined_at timestamptz, "position" bigint,
    total bigint, percentile integer, change integer, kos bigint, wos bigint, pace numeric,
    streak integer, longest_streak integer, best_day date, best_day_points numeric, best_week text,
    best_week_points numeric, experiences jsonb, recommendations integer, synced_at timestamptz,
    as_of timestamptz);

CREATE FUNCTION portal.player(user_id bigint) RETURNS SETOF portal.player_facts
LANGUAGE plpgsql {DEFINER} AS $$
DECLARE
    p public.players;
    value bigint;
    place bigint;
    everybody bigint := portal.total();
    fewer bigint;
BEGIN
    SELECT * INTO p FROM players l WHERE l.user_id = player.user_id AND l.listed;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    value := (p.points * 100)::bigint;
    place := portal.ahead(value) + 1;
    fewer := CASE WHEN value > 0 THEN everybody - portal.ahead(value - 1) ELSE 0 END;
    RETURN QUERY
    SELECT p.id, p.user_id, p.username::text, p.display_name::text, p.points, r.name::text,
           r.slug::text, r.level::text, coalesce(p.former_rank_since, p.rank_since), p.created_at,
           place, everybody,
           CASE WHEN everybody > 1 THEN (100 * fewer / everybody)::int END,
           l.change, p.kos, p.wos, (SELECT round(sum(x) / 14, 2) FROM unnest(l.spark) AS x),
           CASE WHEN s.streak_ended_on >= portal.today() - 1 THEN s.streak ELSE 0 END,
           coalesce(s.longest_streak, 0),
           CASE WHEN s.best_day > 0 THEN s.best_day_on END, CASE WHEN s.best_day > 0 THEN s.best_day END,
           CASE WHEN s.best_week > 0 THEN s.best_week_key::text END,
           CASE WHEN s.best_week > 0 THEN s.best_week END,
           (SELECT coalesce(jsonb_agg(jsonb_build_object(
                       'experience', e.origin, 'name', coalesce(x.name, e.origin),
                       'points', greatest(e.total, 0)) ORDER BY e.total DESC, e.origin), '[]')
            FROM experience_points e LEFT JOIN experiences x ON x.key = e.origin
            WHERE e.player_id = p.id AND e.counted),
           (SELECT count(*)::int FROM recommendations c WHERE c.player_id = p.id AND c.rank_id = r.id),
           p.synced_at, statement_timestamp()
    FROM ranks r LEFT JOIN player_records s ON s.player_id = p.id
    CROSS JOIN portal.lines(ARRAY[ROW(p.id, place, false, p.points)::portal.placed], true) l
    WHERE r.id = coalesce(p.former_rank_id, p.rank_id);
END $$;

CREATE TYPE portal.series_day AS (day date, awarded numeric, kos bigint, wos bigint, balance numeric);

-- Every UTC day, oldest first. `balance` is the last one known by then, today the present points.
CREATE FUNCTION portal.series(user_id bigint, days integer DEFAULT 90)
RETURNS SETOF portal.series_day LANGUAGE plpgsql {DEFINER} AS $$
DECLARE
    p public.players;
    today date := portal.today();
    first date := today + 1 - least(greatest(coalesce(days, 90), 1), 366);
BEGIN
    SELECT * INTO p FROM players l WHERE l.user_id = series.user_id AND l.listed;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT t.day::date, coalesce(a.awarded, 0.00), coalesce(a.kos, 0), coalesce(a.wos, 0),
           CASE WHEN t.day::date = today THEN p.points ELSE (
               SELECT b.balance FROM daily_balances b
               WHERE b.player_id = p.id AND b.day <= t.day::date ORDER BY b.day DESC LIMIT 1) END
    FROM generate_series(first::timestamp, today::timestamp, interval '1 day') AS t(day)
    LEFT JOIN (
        SELECT d.day, sum(d.awarded) AS awarded, sum(d.kos)::bigint AS kos, sum(d.wos)::bigint AS wos
        FROM experience_points e
        JOIN daily_points d ON d.player_id = e.player_id AND d.origin = e.origin AND d.day >= first
        WHERE e.player_id = p.id AND e.counted GROUP BY d.day) a ON a.day = t.day::date
    ORDER BY t.day;
END $$;

CREATE FUNCTION portal.still_listed(user_ids bigint[]) RETURNS SETOF bigint
LANGUAGE plpgsql {DEFINER} AS $$
BEGIN
    RETURN QUERY SELECT p.user_id FROM players p
    WHERE p.user_id = ANY(user_ids[1:1000]) AND p.listed;
END $$;
"""

# The cursor is `section:lower-case text:id`. Sections: 1 usernames, 2 display names, 3 former
# usernames. A player is in the first section that finds them, and an exact id comes before all. Of
# the sections 2 and 3, the first 1,000 after the cursor are looked at.
SEARCH = f"""
CREATE TYPE portal.found AS (
    user_id bigint, username text, display_name text, rank text, rank_slug text, points numeric,
    matched text, matched_text text, cursor text);

CREATE FUNCTION portal.name_upto(low text) RETURNS text LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$ SELECT low || chr(1114111) $$;

CREATE FUNCTION portal.begins(name text, low text) RETURNS boolean LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT lower(name) COLLATE "C" >= low AND lower(name) COLLATE "C" < low || chr(1114111) $$;

CREATE FUNCTION portal.search_by_id(user_id bigint) RETURNS SETOF portal.found
LANGUAGE plpgsql {DEFINER} AS $$
BEGIN
    RETURN QUERY SELECT p.user_id, p.username::text, p.display_name::text, r.name::text, r.slug::text,
                        p.points, 'userId', p.user_id::text, '1::0'
    FROM players p JOIN ranks r ON r.id = coalesce(p.former_rank_id, p.rank_id)
    WHERE p.user_id = search_by_id.user_id AND p.listed;
END $$;

CREATE FUNCTION portal.search_section(section integer, low text, after_name text, after_id bigint, exact bigint, lim integer)
RETURNS SETOF portal.found LANGUAGE plpgsql {DEFINER} AS $$
DECLARE
    sources text[] := ARRAY[
        'SELECT p.id AS player, p.id AS row, p.username AS text FROM players p
         WHERE p.listed AND (lower(p.username) COLLATE "C", p.id) > ($1, $2) AND lower(p.username) COLLATE "C" < $3
         ORDER BY lower(p.username) COLLATE "C", p.id LIMIT %s',
        'SELECT p.id AS player, p.id AS row, p.display_name AS text FROM players p
         WHERE p.listed AND p.display_name <> '''' AND p.display_name <> p.username
           AND (lower(p.display_name) COLLATE "C", p.id) > ($1, $2) AND lower(p.display_name) COLLATE "C" < $3
         ORDER BY lower(p.display_name) COLLATE "C", p.id LIMIT %s',
        'SELECT n.player_id AS player, n.id AS row, n.username AS text FROM player_names n
         WHERE (lower(n.username) COLLATE "C", n.id) > ($1, $2) AND lower(n.username) COLLATE "C" < $3
         ORDER BY lower(n.username) COLLATE "C", n.id LIMIT %s'];
    others text[] := ARRAY[
        'true',
        'NOT portal.begins(p.username, $4)',
        'NOT portal.begins(p.username, $4) AND NOT portal.begins(p.display_name, $4)
         AND NOT EXISTS (SELECT 1 FROM player_names o WHERE o.player_id = p.id AND portal.begins(o.username, $4)
                         AND (lower(o.username) COLLATE "C", o.id) < (lower(s.text) COLLATE "C", s.row))'];
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT p.user_id, p.username::text, p.display_name::text, r.name::text, r.slug::text, p.points,
                $6, s.text::text, $7 || '':'' || lower(s.text) || '':'' || s.row
         FROM (' || sources[section] || ') s
         JOIN players p ON p.id = s.player AND p.listed
         JOIN ranks r ON r.id = coalesce(p.former_rank_id, p.rank_id)
         WHERE p.user_id IS DISTINCT FROM $5 AND ' || others[section] || '
         ORDER BY lower(s.text) COLLATE "C", s.row LIMIT %s',
        CASE section WHEN 1 THEN lim + 1 ELSE 1000 END, lim)
    USING after_name, after_id, portal.name_upto(low), low, exact,
          (ARRAY['username', 'displayName', 'formerName'])[section], section;
END $$;

CREATE FUNCTION portal.search(prefix text, lim integer DEFAULT 25, after text DEFAULT NULL)
RETURNS SETOF portal.found LANGUAGE plpgsql {DEFINER} AS $$
DECLARE
    size integer := least(greatest(coalesce(lim, 25), 1), 101);
    low text := lower(left(prefix, 50));
    exact bigint := CASE WHEN prefix ~ '^[1-9][0-9]{{0,17}}$' OR (prefix ~ '^[1-9][0-9]{{18}}$'
                         AND prefix <= '9223372036854775807') THEN prefix::bigint END;
    parts text[] := regexp_match(after, '^([1-3]):(.{{0,50}}):([0-9]{{1,18}})$');
    since text := coalesce(parts[2], low);
    since_id bigint := coalesce(parts[3]::bigint, 0);
    got integer := 0;
    more integer;
BEGIN
    IF coalesce(low, '') = '' OR (after IS NOT NULL AND parts IS NULL) THEN
        RETURN;
    END IF;
    IF since = '' THEN
        since := low;
    END IF;
    IF after IS NULL AND exact IS NOT NULL THEN
        RETURN QUERY SELECT * FROM portal.search_by_id(exact);
        GET DIAGNOSTICS got = ROW_COUNT;
    END IF;
    FOR section IN coalesce(parts[1]::int, 1)..3 LOOP
        EXIT WHEN got >= size;
        RETURN QUERY SELECT * FROM portal.search_section(
            section, low, greatest(since COLLATE "C", low COLLATE "C"), since_id, exact, size - got);
        GET DIAGNOSTICS more = ROW_COUNT;
        got := got + more;
        since := low;
        since_id := 0;
    END LOOP;
END $$;

-- Up to three usernames near a text that finds nobody: one letter too much or two exchanged, else
-- the longest beginning in common.
CREATE FUNCTION portal.suggestions(prefix text) RETURNS SETOF text LANGUAGE plpgsql {DEFINER} AS $$
DECLARE
    low text := lower(left(prefix, 50));
    length integer := char_length(low);
BEGIN
    RETURN QUERY
    SELECT min(g.username) FROM (
        SELECT t.try, t.cost FROM (
            SELECT left(low, n - 1) || substr(low, n + 1) AS try, 1 AS cost FROM generate_series(1, length) n
            UNION ALL
            SELECT left(low, n - 1) || substr(low, n + 1, 1) || substr(low, n, 1) || substr(low, n + 2), 1
            FROM generate_series(1, length - 1) n
            UNION ALL
            SELECT left(low, n), 1 + length - n FROM generate_series(greatest(2, length - 4), length - 1) n
        ) t WHERE char_length(t.try) >= 2) t
    CROSS JOIN LATERAL (
        SELECT p.username::text FROM players p
        WHERE p.listed AND lower(p.username) COLLATE "C" >= t.try
          AND lower(p.username) COLLATE "C" < portal.name_upto(t.try)
        ORDER BY lower(p.username) COLLATE "C", p.id LIMIT 3) g
    GROUP BY lower(g.username) ORDER BY min(t.cost), abs(char_length(min(g.username)) - length), lower(g.username)
    LIMIT 3;
END $$;
"""

CLOSED = "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA portal FROM PUBLIC"


class Migration(migrations.Migration):
    dependencies = [("players", "0032_portal_lists")]

    operations = [migrations.RunSQL(PLAYER + SEARCH + CLOSED, migrations.RunSQL.noop)]
