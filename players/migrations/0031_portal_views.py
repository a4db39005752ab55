"""The schema `portal`: what everybody may read, for a database role that reads nothing else.

Views hide unlisted players behind `security_barrier`. A view whose rows hide others of the same
player calls a function, since EXPLAIN ANALYZE would count the rows that a filter removes.
"""

from django.db import migrations, models
from django.db.models import F, Q
from django.db.models.functions import Collate, Lower

# Every function of the schema runs as its owner, so a table or operator of the caller must never
# be found first.
DEFINER = "STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"

SCHEMA = """
CREATE SCHEMA portal;
REVOKE ALL ON SCHEMA portal FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA portal REVOKE ALL ON TABLES FROM PUBLIC;

CREATE VIEW portal.players WITH (security_barrier) AS
SELECT p.user_id, p.username::text, p.display_name::text, p.points, r.slug::text AS rank_slug,
       r.name::text AS rank, r.level::text, coalesce(p.former_rank_since, p.rank_since) AS rank_since,
       p.kos, p.wos, p.created_at AS joined_at, p.synced_at
FROM public.players p JOIN public.ranks r ON r.id = coalesce(p.former_rank_id, p.rank_id)
WHERE p.listed;

CREATE VIEW portal.ranks WITH (security_barrier) AS
SELECT r.slug::text, r.name::text, r.level::text, r.position::int, r.role::int, r.min_points,
       r.min_time_days, r.required_recommendations, r.privileged,
       NOT (r.ignored OR r.retired) AS on_ladder, r.retired, r.description::text, r.colour::text,
       coalesce(c.players, 0) AS players
FROM public.ranks r LEFT JOIN public.rank_counts c ON c.rank_id = r.id
WHERE NOT r.is_punishment;

CREATE VIEW portal.daily WITH (security_barrier) AS
SELECT p.user_id, d.day, d.awarded, d.kos, d.wos, d.balance
FROM public.players p CROSS JOIN LATERAL (
    SELECT a.day, sum(a.awarded) AS awarded, sum(a.kos)::bigint AS kos, sum(a.wos)::bigint AS wos,
           max(a.balance) AS balance
    FROM (SELECT d.day, d.awarded, d.kos, d.wos, NULL::numeric AS balance
          FROM public.experience_points e
          JOIN public.daily_points d ON d.player_id = e.player_id AND d.origin = e.origin
          WHERE e.player_id = p.id AND e.counted
          UNION ALL
          SELECT b.day, 0, 0, 0, b.balance FROM public.daily_balances b WHERE b.player_id = p.id) a
    GROUP BY a.day) d
WHERE p.listed;

CREATE VIEW portal.policy_log WITH (security_barrier) AS
SELECT a.id, a.number, a.version::text, a.activated_at, a.document, a.changes
FROM public.policy_activations a;

CREATE VIEW portal.periods WITH (security_barrier) AS
SELECT p.kind::text, p.key::text, p.starts_on, p.ends_on, p.closed_at, p.players
FROM public.periods p;

CREATE VIEW portal.experiences WITH (security_barrier) AS
SELECT e.key::text, e.name::text FROM public.experiences e;
"""

AHEAD = f"""
CREATE FUNCTION portal.ahead(hundredths bigint) RETURNS bigint LANGUAGE sql {DEFINER} AS $$
    SELECT ((SELECT coalesce(sum(b.count), 0) FROM generate_series(0, 7) AS t(height)
             JOIN leaderboard_buckets b ON b.level = t.height
                  AND b.bucket > (hundredths >> (6 * t.height))
                  AND b.bucket <= ((hundredths >> (6 * t.height)) | 63))
            + (SELECT coalesce(sum((c.after > hundredths)::int), 0)
                      - coalesce(sum((c.before > hundredths)::int), 0)
               FROM leaderboard_changes c))::bigint
$$;

CREATE FUNCTION portal.total() RETURNS bigint LANGUAGE sql {DEFINER} AS $$
    SELECT ((SELECT coalesce(sum(b.count), 0) FROM leaderboard_buckets b WHERE b.level = 7)
            + (SELECT count(c.after) - count(c.before) FROM leaderboard_changes c))::bigint
$$;

CREATE VIEW portal.stats WITH (security_barrier) AS
SELECT portal.total() AS players,
       coalesce(sum(f.value) FILTER (WHERE f.what = 'points' AND f.day = t.day), 0) AS points_today,
       coalesce(sum(f.value) FILTER (WHERE f.what = 'points'), 0) AS points_week,
       coalesce(sum(f.value) FILTER (WHERE f.what = 'promotions'), 0)::bigint AS promotions_week,
       coalesce(sum(f.value) FILTER (WHERE f.what = 'active' AND f.day = t.day), 0)::bigint
           AS active_today,
       coalesce(to_timestamp(max(f.value) FILTER (WHERE f.what = 'asOf')::double precision), now())
           AS as_of
FROM (SELECT (now() AT TIME ZONE 'UTC')::date AS day) t
LEFT JOIN public.daily_figures f ON f.day >= date_trunc('week', t.day)::date AND f.day <= t.day
          AND f.what IN ('points', 'promotions', 'active', 'asOf');
"""

# Private: no role but the owner reads it. Left out is every promotion into a rank below which the
# player fell later, by any change, and any above their present rank: with those, the list would
# show a demotion. Ranks given on Roblox are left out too: the first pull of a group writes one for
# each member.
PROMOTIONS = f"""
CREATE VIEW portal.promotion_rows AS
SELECT d.id, d.player_id, p.user_id, p.username::text, p.display_name::text, n.name::text AS rank,
       n.slug::text AS rank_slug, f.name::text AS from_rank, f.slug::text AS from_rank_slug,
       d.decided_at AS promoted_at, r.name::text AS present_rank, r.slug::text AS present_rank_slug
FROM public.decisions d
JOIN public.players p ON p.id = d.player_id AND p.listed
JOIN public.ranks r ON r.id = coalesce(p.former_rank_id, p.rank_id)
JOIN public.ranks n ON n.id = d.to_rank_id AND NOT n.is_punishment AND n.position <= r.position
JOIN public.ranks f ON f.id = d.from_rank_id AND NOT f.is_punishment
WHERE d.status = 'applied' AND d.kind IN ('promotion', 'hand') AND d.reverts IS NULL
  AND d.source <> 'roblox' AND f.position < n.position
  AND NOT EXISTS (
      SELECT 1 FROM public.decisions l
      JOIN public.ranks t ON t.id = l.to_rank_id AND NOT t.is_punishment
      WHERE l.player_id = d.player_id AND l.status = 'applied' AND t.position < n.position
        AND (l.decided_at, l.id) > (d.decided_at, d.id));

CREATE TYPE portal.promotion AS (
    id bigint, user_id bigint, username text, display_name text, rank text, rank_slug text,
    from_rank text, from_rank_slug text, promoted_at timestamptz,
    present_rank text, present_rank_slug text);

CREATE FUNCTION portal.promotions_of(user_id bigint) RETURNS SETOF portal.promotion
LANGUAGE plpgsql {DEFINER} AS $$
BEGIN
    RETURN QUERY
    SELECT m.id, m.user_id, m.username, m.display_name, m.rank, m.rank_slug, m.from_rank,
           m.from_rank_slug, m.promoted_at, m.present_rank, m.present_rank_slug
    FROM portal.promotion_rows m
    WHERE m.player_id = (SELECT p.id FROM players p WHERE p.user_id = promotions_of.user_id AND p.listed)
    ORDER BY m.promoted_at DESC, m.id DESC;
END $$;

CREATE FUNCTION portal.latest_promotions(
    lim integer, after_at timestamptz DEFAULT NULL, after_id bigint DEFAULT NULL)
RETURNS SETOF portal.promotion LANGUAGE plpgsql {DEFINER} AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT m.id, m.user_id, m.username, m.display_name, m.rank, m.rank_slug, m.from_rank,
                m.from_rank_slug, m.promoted_at, m.present_rank, m.present_rank_slug
         FROM portal.promotion_rows m WHERE %s
         ORDER BY m.promoted_at DESC, m.id DESC LIMIT %s',
        CASE WHEN after_at IS NULL THEN 'true' ELSE '(m.promoted_at, m.id) < ($1, $2)' END,
        least(greatest(coalesce(lim, 25), 1), 101)) USING after_at, coalesce(after_id, 0);
END $$;

CREATE VIEW portal.promotions WITH (security_barrier) AS
SELECT m.id, p.user_id, m.username, m.display_name, m.rank, m.rank_slug, m.from_rank,
       m.from_rank_slug, m.promoted_at
FROM public.players p CROSS JOIN LATERAL portal.promotions_of(p.user_id) m
WHERE p.listed;
"""

# Rows that awarded nothing are left out, since a run of them would tell of a suspension. Rows that
# do not count are left out too.
LEDGER = f"""
CREATE TYPE portal.ledger_entry AS (
    id bigint, occurred_at timestamptz, experience text, experience_name text, type text,
    magnitude integer, awarded numeric);

CREATE VIEW portal.ledger_rows AS
SELECT l.id, l.player_id, l.occurred_at, l.origin::text AS experience,
       coalesce(x.name, l.origin)::text AS experience_name, l.type::text, l.magnitude, l.awarded
FROM public.ledger l
LEFT JOIN public.experience_points e ON e.player_id = l.player_id AND e.origin = l.origin
LEFT JOIN public.experiences x ON x.key = l.origin
WHERE l.awarded <> 0 AND coalesce(e.counted, true);

CREATE FUNCTION portal.ledger_of(user_id bigint) RETURNS SETOF portal.ledger_entry
LANGUAGE plpgsql {DEFINER} AS $$
BEGIN
    RETURN QUERY
    SELECT l.id, l.occurred_at, l.experience, l.experience_name, l.type, l.magnitude, l.awarded
    FROM portal.ledger_rows l
    WHERE l.player_id = (SELECT p.id FROM players p WHERE p.user_id = ledger_of.user_id AND p.listed);
END $$;

CREATE FUNCTION portal.history(
    user_id bigint, lim integer, after_at timestamptz DEFAULT NULL, after_id bigint DEFAULT NULL)
RETURNS SETOF portal.ledger_entry LANGUAGE plpgsql {DEFINER} AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT l.id, l.occurred_at, l.experience, l.experience_name, l.type, l.magnitude, l.awarded
         FROM portal.ledger_rows l
         WHERE l.player_id = (SELECT p.id FROM players p WHERE p.user_id = $1 AND p.listed) AND %s
         ORDER BY l.occurred_at DESC, l.id DESC LIMIT %s',
        CASE WHEN after_at IS NULL THEN 'true' ELSE '(l.occurred_at, l.id) < ($2, $3)' END,
        least(greatest(coalesce(lim, 50), 1), 201)) USING user_id, after_at, coalesce(after_id, 0);
END $$;

CREATE VIEW portal.ledger WITH (security_barrier) AS
SELECT p.user_id, l.id, l.occurred_at, l.experience, l.type, l.magnitude, l.awarded
FROM public.players p CROSS JOIN LATERAL portal.ledger_of(p.user_id) l
WHERE p.listed;
"""


class Migration(migrations.Migration):
    dependencies = [("players", "0030_rank_slugs_unique"), ("roblox", "0004_counts")]

    operations = [
        migrations.AddIndex(
            "player",
            models.Index(
                Collate(Lower("display_name"), "C"),
                F("id"),
                condition=Q(listed=True) & ~Q(display_name="") & ~Q(display_name=F("username")),
                name="players_by_display_name",
            ),
        ),
        migrations.AddIndex(
            "decision",
            models.Index(
                fields=["decided_at", "id"],
                condition=Q(status="applied", kind__in=["promotion", "hand"], reverts=None)
                & ~Q(source="roblox"),
                name="decisions_promotions",
            ),
        ),
        migrations.RunSQL(SCHEMA + AHEAD + PROMOTIONS + LEDGER, "DROP SCHEMA portal CASCADE"),
    ]
