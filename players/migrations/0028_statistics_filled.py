"""Count the KOs and WOs of past days, and refuse changes to what a closed period says."""

from django.db import migrations

# A row counts by the policy that is active now, as `players.kos` and `players.wos` do after a
# recount.
FILL_DAYS = """
WITH counters AS (
    SELECT e.key AS type, e.value->>'counter' AS counter
    FROM policy_versions v, jsonb_each(v.documents->'points'->'events') e
    WHERE v.is_active AND e.value->>'counter' IN ('kos', 'wos')
), counted AS (
    SELECT l.player_id, l.origin, (l.occurred_at AT TIME ZONE 'UTC')::date AS day,
           coalesce(sum(l.magnitude) FILTER (WHERE c.counter = 'kos'), 0) AS kos,
           coalesce(sum(l.magnitude) FILTER (WHERE c.counter = 'wos'), 0) AS wos
    FROM ledger l JOIN counters c USING (type)
    WHERE l.origin <> 'console' GROUP BY 1, 2, 3
)
UPDATE daily_points d SET kos = c.kos, wos = c.wos FROM counted c
WHERE d.player_id = c.player_id AND d.origin = c.origin AND d.day = c.day;
"""

TRIGGERS = """
CREATE FUNCTION grps_closed_period_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM changed c JOIN periods p ON p.id = c.period_id WHERE p.closed_at IS NOT NULL) THEN
        RAISE EXCEPTION 'period_totals: what a closed period says never changes'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION grps_closed_period() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'periods: what a closed period says never changes' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER period_totals_inserted AFTER INSERT ON period_totals REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION grps_closed_period_row();
CREATE TRIGGER period_totals_updated AFTER UPDATE ON period_totals REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION grps_closed_period_row();
CREATE TRIGGER period_totals_deleted AFTER DELETE ON period_totals REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION grps_closed_period_row();
CREATE TRIGGER period_totals_kept BEFORE TRUNCATE ON period_totals
    FOR EACH STATEMENT EXECUTE FUNCTION grps_refuse();
CREATE TRIGGER periods_closed BEFORE UPDATE OR DELETE ON periods FOR EACH ROW
    WHEN (OLD.closed_at IS NOT NULL) EXECUTE FUNCTION grps_closed_period();
CREATE TRIGGER periods_kept BEFORE TRUNCATE ON periods FOR EACH STATEMENT EXECUTE FUNCTION grps_refuse();
"""

BACKWARD = """
DROP TRIGGER periods_kept ON periods;
DROP TRIGGER periods_closed ON periods;
DROP TRIGGER period_totals_kept ON period_totals;
DROP TRIGGER period_totals_deleted ON period_totals;
DROP TRIGGER period_totals_updated ON period_totals;
DROP TRIGGER period_totals_inserted ON period_totals;
DROP FUNCTION grps_closed_period();
DROP FUNCTION grps_closed_period_row();
"""


class Migration(migrations.Migration):
    dependencies = [("players", "0027_public_ranks"), ("audits", "0002_triggers")]
    operations = [
        migrations.RunSQL(FILL_DAYS, migrations.RunSQL.noop),
        migrations.RunSQL(TRIGGERS, BACKWARD),
    ]
