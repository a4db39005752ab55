"""Functions of the schema `portal`: leaderboards, periods and records.

The LIMIT stands in the text of each statement that walks an index. Without it PostgreSQL may plan to
sort everything. Lists that are not ordered by all-time points end after their first 1,000 players.
"""

from django.db import migrations

DEFINER = "STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"

LINES = f"""
CREATE TYPE portal.line AS (
    id bigint, "position" bigint, tied boolean, user_id bigint, username text, display_name text,
    rank text, rank_slug text, points numeric, amount numeric, kos bigint, wos bigint,
    change integer, spark numeric[], synced_at timestamptz);

CREATE TYPE portal.placed AS (id bigint, "position" bigint, tied boolean, amount numeric);

CREATE FUNCTION portal.today() RETURNS date LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT (now() AT TIME ZONE 'UTC')::date $$;

-- `change`: positions gained against the latest snapshot that is 7 days old, or up to 13 days for
-- players outside of the best, of whom only Mondays are kept. `spark`: points of the last 14 UTC days.
CREATE FUNCTION portal.lines(placed portal.placed[], with_change boolean)
RETURNS SETOF portal.line LANGUAGE plpgsql {DEFINER} AS $$
DECLARE
    today date := portal.today();
    week_ago date := today - 7;
    monday date := date_trunc('week', week_ago)::date;
BEGIN
    RETURN QUERY
    SELECT p.id, c.position, c.tied, p.user_id, p.username::text, p.display_name::text,
           r.name::text, r.slug::text, p.points, c.amount, p.kos, p.wos,
           CASE WHEN with_change THEN (
               SELECT (s.position - c.position)::int FROM position_snapshots s
               WHERE s.player_id = p.id AND s.day IN (week_ago, monday)
               ORDER BY s.day DESC LIMIT 1) END,
           (SELECT array_agg(coalesce(a.awarded, 0.00) ORDER BY n)
            FROM generate_series(0, 13) AS n LEFT JOIN (
                SELECT d.day, sum(d.awarded) AS awarded FROM experience_points e
                JOIN daily_points d ON d.player_id = e.player_id AND d.origin = e.origin
                     AND d.day >= today - 13 AND d.day <= today
                WHERE e.player_id = p.id AND e.counted GROUP BY d.day) a
            ON a.day = today - 13 + n),
           p.synced_at
    FROM unnest(placed) WITH ORDINALITY AS c(id, "position", tied, amount, place)
    JOIN players p ON p.id = c.id AND p.listed
    JOIN ranks r ON r.id = coalesce(p.former_rank_id, p.rank_id)
    ORDER BY c.place;
END $$;
"""

POINTS = f"""
-- Place players who follow each other by points. `gaps`: others may lie between them.
CREATE FUNCTION portal.placed_by_points(ids bigint[], amounts numeric[], gaps boolean)
RETURNS portal.placed[] LANGUAGE plpgsql {DEFINER} AS $$
DECLARE
    found portal.placed[];
    second numeric := (SELECT max(x) FROM unnest(amounts) AS x WHERE x < amounts[1]);
    ahead_of_first bigint := portal.ahead((amounts[1] * 100)::bigint);
    ahead_of_second bigint := portal.ahead((second * 100)::bigint);
    in_first integer := (SELECT count(*) FROM unnest(amounts) AS x WHERE x = amounts[1]);
BEGIN
    SELECT array_agg(ROW(x.id, CASE
            WHEN x.points = amounts[1] THEN ahead_of_first + 1
            WHEN gaps THEN portal.ahead((x.points * 100)::bigint) + 1
            ELSE ahead_of_second + x.rank - in_first END,
        (SELECT count(*) FROM (SELECT 1 FROM players q WHERE q.listed AND q.points = x.points LIMIT 2) two) = 2,
        x.points)::portal.placed ORDER BY x.place) INTO found
    FROM (SELECT u.id, u.points, u.place, rank() OVER (ORDER BY u.points DESC) AS rank
          FROM unnest(ids, amounts) WITH ORDINALITY AS u(id, points, place)) x;
    RETURN found;
END $$;

CREATE FUNCTION portal.by_points(lim integer, after_points numeric, after_id bigint, rank_id bigint)
RETURNS SETOF portal.line LANGUAGE plpgsql {DEFINER} AS $$
DECLARE
    ids bigint[];
    amounts numeric[];
BEGIN
    EXECUTE format(
        'SELECT array_agg(x.id ORDER BY x.points DESC, x.id DESC),
                array_agg(x.points ORDER BY x.points DESC, x.id DESC)
         FROM (SELECT p.id, p.points FROM players p WHERE p.listed AND %s AND %s
               ORDER BY p.points DESC, p.id DESC LIMIT %s) x',
        CASE WHEN after_points IS NULL THEN 'true' ELSE '(p.points, p.id) < ($1, $2)' END,
        CASE WHEN rank_id IS NULL THEN 'true' ELSE 'coalesce(p.former_rank_id, p.rank_id) = $3' END,
        lim) INTO ids, amounts USING after_points, coalesce(after_id, 0), rank_id;
    RETURN QUERY SELECT * FROM portal.lines(
        portal.placed_by_points(ids, amounts, rank_id IS NOT NULL), true);
END $$;

CREATE FUNCTION portal.around(user_id bigint, span integer DEFAULT 5)
RETURNS SETOF portal.line LANGUAGE plpgsql {DEFINER} AS $$
DECLARE
    size integer := least(greatest(coalesce(span, 5), 1), 50);
    ids bigint[];
    amounts numeric[];
BEGIN
    EXECUTE format(
        'SELECT array_agg(x.id ORDER BY x.points DESC, x.id DESC),
                array_agg(x.points ORDER BY x.points DESC, x.id DESC)
         FROM (SELECT c.points, c.id FROM players c WHERE c.user_id = $1 AND c.listed) m
         CROSS JOIN LATERAL (
            (SELECT p.id, p.points FROM players p WHERE p.listed AND (p.points, p.id) >= (m.points, m.id)
             ORDER BY p.points, p.id LIMIT %s)
            UNION ALL
            (SELECT p.id, p.points FROM players p WHERE p.listed AND (p.points, p.id) < (m.points, m.id)
             ORDER BY p.points DESC, p.id DESC LIMIT %s)) x',
        size + 1, size) INTO ids, amounts USING user_id;
    RETURN QUERY SELECT * FROM portal.lines(portal.placed_by_points(ids, amounts, false), true);
END $$;
"""

# `source` is text of this file alone: columns id, amount and place, highest first, at most 1,001
# rows, of which the last only shows whether the one before shares its position.
COUNTS = f"""
CREATE FUNCTION portal.from_source(
    source text, period_id bigint, lim integer, after_amount numeric, after_id bigint, rank_id bigint)
RETURNS SETOF portal.line LANGUAGE plpgsql {DEFINER} AS $$
DECLARE
    found portal.placed[];
BEGIN
    EXECUTE format(
        'SELECT array_agg(ROW(x.id, x.place, x.tied, x.amount)::portal.placed ORDER BY x.amount DESC, x.id DESC)
         FROM (SELECT n.id, n.place, n.tied, n.amount
               FROM (SELECT s.id, s.amount, coalesce(s.place, rank() OVER (ORDER BY s.amount DESC)) AS place,
                            count(*) OVER (PARTITION BY s.amount) > 1 AS tied,
                            row_number() OVER (ORDER BY s.amount DESC, s.id DESC) AS number
                     FROM (%s) s) n
               WHERE n.number <= 1000 AND %s AND %s
               ORDER BY n.amount DESC, n.id DESC LIMIT %s) x',
        source,
        CASE WHEN after_amount IS NULL THEN 'true' ELSE '(n.amount, n.id) < ($2, $3)' END,
        CASE WHEN rank_id IS NULL THEN 'true' ELSE
            'EXISTS (SELECT 1 FROM players p WHERE p.id = n.id AND coalesce(p.former_rank_id, p.rank_id) = $4)'
        END,
        lim) INTO found USING period_id, after_amount, coalesce(after_id, 0), rank_id;
    RETURN QUERY SELECT * FROM portal.lines(found, false);
END $$;

CREATE FUNCTION portal.rank_id(slug text) RETURNS bigint LANGUAGE sql {DEFINER} AS $$
    SELECT coalesce((SELECT r.id FROM ranks r WHERE r.slug = rank_id.slug AND NOT r.is_punishment), 0)
$$;

CREATE FUNCTION portal.leaderboard(
    lim integer DEFAULT 25, after_points numeric DEFAULT NULL, after_id bigint DEFAULT NULL,
    ranked_by text DEFAULT 'points', rank_slug text DEFAULT NULL)
RETURNS SETOF portal.line LANGUAGE plpgsql {DEFINER} AS $$
DECLARE
    size integer := least(greatest(coalesce(lim, 25), 1), 101);
    rank bigint := CASE WHEN rank_slug IS NOT NULL THEN portal.rank_id(rank_slug) END;
BEGIN
    IF ranked_by = 'points' THEN
        RETURN QUERY SELECT * FROM portal.by_points(size, after_points, after_id, rank);
    ELSIF ranked_by IN ('kos', 'wos') THEN
        RETURN QUERY SELECT * FROM portal.from_source(
            format('SELECT p.id, p.%1$I::numeric AS amount, NULL::bigint AS place FROM players p
                    WHERE p.listed AND p.%1$I > 0 ORDER BY p.%1$I DESC, p.id DESC LIMIT 1001', ranked_by),
            NULL, size, after_points, after_id, rank);
    END IF;
END $$;

-- The period of a key, or the open one of the kind, which exists also before anybody earns in it.
CREATE FUNCTION portal.period(kind text, key text DEFAULT NULL)
RETURNS SETOF portal.periods LANGUAGE plpgsql {DEFINER} AS $$
DECLARE
    unit text := CASE period.kind WHEN 'week' THEN 'week' WHEN 'month' THEN 'month' WHEN 'season' THEN 'quarter' END;
    start date := date_trunc(unit, portal.today())::date;
    ending date := (date_trunc(unit, portal.today()::timestamp)
                    + CASE unit WHEN 'week' THEN interval '7 days' WHEN 'month' THEN interval '1 month'
                      ELSE interval '3 months' END)::date;
    open text := to_char(start, CASE unit WHEN 'week' THEN 'IYYY-"W"IW' WHEN 'month' THEN 'YYYY-MM'
                         ELSE 'YYYY-"S"Q' END);
BEGIN
    RETURN QUERY SELECT p.* FROM portal.periods p
    WHERE p.kind = period.kind AND p.key = coalesce(period.key, open);
    IF NOT FOUND AND unit IS NOT NULL AND coalesce(period.key, open) = open THEN
        RETURN QUERY SELECT period.kind, open, start, ending, NULL::timestamptz, 0;
    END IF;
END $$;

CREATE FUNCTION portal.period_leaderboard(
    kind text, key text DEFAULT NULL, lim integer DEFAULT 25, after_amount numeric DEFAULT NULL,
    after_id bigint DEFAULT NULL, ranked_by text DEFAULT 'points', rank_slug text DEFAULT NULL)
RETURNS SETOF portal.line LANGUAGE plpgsql {DEFINER} AS $$
DECLARE
    size integer := least(greatest(coalesce(lim, 25), 1), 101);
    rank bigint := CASE WHEN rank_slug IS NOT NULL THEN portal.rank_id(rank_slug) END;
    col text := CASE ranked_by WHEN 'points' THEN 'awarded' WHEN 'kos' THEN 'kos' WHEN 'wos' THEN 'wos' END;
    place text := CASE ranked_by WHEN 'points' THEN 'position' ELSE 'position_' || col END;
    period bigint;
    closed boolean;
    found portal.placed[];
    rows_of text;
BEGIN
    SELECT p.id, p.closed_at IS NOT NULL INTO period, closed FROM periods p
    WHERE p.kind = period_leaderboard.kind
      AND p.key = coalesce(period_leaderboard.key, (SELECT o.key FROM portal.period(period_leaderboard.kind) o));
    IF period IS NULL OR col IS NULL THEN
        RETURN;
    END IF;
    rows_of := format(
        'SELECT t.player_id AS id, t.%1$I::numeric AS amount, t.%1$I AS raw, %2$s AS place FROM period_totals t
         JOIN players p ON p.id = t.player_id AND p.listed
         WHERE t.period_id = $1 AND t.%1$I > 0',
        col, CASE WHEN closed THEN format('t.%I::bigint', place) ELSE 'NULL::bigint' END);
    IF NOT closed OR rank IS NOT NULL THEN
        RETURN QUERY SELECT * FROM portal.from_source(
            rows_of || format(' ORDER BY t.%I DESC, t.player_id DESC LIMIT 1001', col),
            period, size, after_amount, after_id, rank);
        RETURN;
    END IF;
    EXECUTE format(
        'SELECT array_agg(ROW(x.id, x.place, (
             SELECT count(*) FROM (SELECT 1 FROM period_totals q JOIN players p ON p.id = q.player_id AND p.listed
                                   WHERE q.period_id = $1 AND q.%1$I > 0 AND q.%1$I = x.raw LIMIT 2) two) = 2,
             x.amount)::portal.placed ORDER BY x.amount DESC, x.id DESC)
         FROM (%2$s AND %3$s ORDER BY t.%1$I DESC, t.player_id DESC LIMIT %4$s) x',
        col, rows_of,
        -- The cast is to the column's type, since an index serves no other.
        CASE WHEN after_amount IS NULL THEN 'true'
             ELSE format('(t.%I, t.player_id) < ($2::%s, $3)', col, CASE col WHEN 'awarded' THEN 'numeric' ELSE 'bigint' END) END,
        size) INTO found USING period, least(after_amount, 1e15), coalesce(after_id, 0);
    RETURN QUERY SELECT * FROM portal.lines(found, false);
END $$;

-- NULL where it is not kept: by KOs or WOs, and of a rank within a period.
CREATE FUNCTION portal.list_total(
    ranked_by text, kind text DEFAULT NULL, key text DEFAULT NULL, rank_slug text DEFAULT NULL)
RETURNS bigint LANGUAGE plpgsql {DEFINER} AS $$
BEGIN
    IF ranked_by <> 'points' OR (kind IS NOT NULL AND rank_slug IS NOT NULL) THEN
        RETURN NULL;
    END IF;
    IF kind IS NOT NULL THEN
        RETURN (SELECT p.players FROM portal.period(list_total.kind, list_total.key) p);
    END IF;
    IF rank_slug IS NOT NULL THEN
        RETURN (SELECT r.players FROM portal.ranks r WHERE r.slug = list_total.rank_slug);
    END IF;
    RETURN portal.total();
END $$;
"""

RECORDS = f"""
CREATE TYPE portal.record AS (
    user_id bigint, username text, display_name text, rank text, rank_slug text, amount numeric,
    day date, week text, for_rank text, for_rank_slug text);

-- `kind`: best_day and best_week (points), longest_streak (days), fastest (seconds, for each rank).
CREATE FUNCTION portal.records(kind text, lim integer DEFAULT 5)
RETURNS SETOF portal.record LANGUAGE plpgsql {DEFINER} AS $$
DECLARE
    size integer := least(greatest(coalesce(lim, 5), 1), 50);
    col text := CASE WHEN kind IN ('best_day', 'best_week', 'longest_streak') THEN kind END;
BEGIN
    IF kind = 'fastest' THEN
        RETURN QUERY
        SELECT p.user_id, p.username::text, p.display_name::text, r.name::text, r.slug::text,
               f.seconds::numeric, NULL::date, NULL::text, n.name::text, n.slug::text
        FROM ranks n CROSS JOIN LATERAL (
            SELECT f.player_id, f.seconds FROM fastest_promotions f
            JOIN players l ON l.id = f.player_id AND l.listed
            JOIN ranks h ON h.id = coalesce(l.former_rank_id, l.rank_id) AND h.position >= n.position
            WHERE f.rank_id = n.id ORDER BY f.place LIMIT 1) f
        JOIN players p ON p.id = f.player_id
        JOIN ranks r ON r.id = coalesce(p.former_rank_id, p.rank_id)
        WHERE NOT (n.is_punishment OR n.ignored OR n.retired) ORDER BY n.position;
    ELSIF col IS NOT NULL THEN
        RETURN QUERY EXECUTE format(
            'SELECT p.user_id, p.username::text, p.display_name::text, r.name::text, r.slug::text,
                    s.%1$I::numeric, %2$s::date, %3$s::text, NULL::text, NULL::text
             FROM player_records s JOIN players p ON p.id = s.player_id AND p.listed
             JOIN ranks r ON r.id = coalesce(p.former_rank_id, p.rank_id)
             WHERE s.%1$I > 0 ORDER BY s.%1$I DESC, s.player_id DESC LIMIT %4$s',
            col,
            CASE kind WHEN 'best_day' THEN 's.best_day_on' WHEN 'longest_streak' THEN 's.longest_streak_ended_on' ELSE 'NULL' END,
            CASE kind WHEN 'best_week' THEN 's.best_week_key' ELSE 'NULL' END, size);
    END IF;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("players", "0031_portal_views")]

    operations = [migrations.RunSQL(LINES + POINTS + COUNTS + RECORDS, migrations.RunSQL.noop)]
