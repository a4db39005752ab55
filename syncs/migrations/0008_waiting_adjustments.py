"""Turn adjustments that wait for a second person into approval requests.

What people without a player applied today counts toward their daily limit.
"""

from django.db import migrations

FORWARD = """
WITH asked AS (
    INSERT INTO approvals (act, arguments, cause, reason, requested_by, requester_id, status, created_at, expires_at,
                           event, decided_by, decide_reason, once)
    SELECT 'adjustment',
           jsonb_build_object('adjustment', id, 'rows', rows - skipped, 'moved', moved::text, 'total', total::text),
           'limit', reason, requested_by, requester_id, 'waiting', created_at, now() + interval '7 days', event,
           '', '', ''
    FROM adjustments WHERE status = 'waiting'
    RETURNING id, (arguments->>'adjustment')::bigint AS adjustment_id
)
UPDATE adjustments a SET approval_id = asked.id FROM asked WHERE a.id = asked.adjustment_id;

INSERT INTO spending (person, day, spent, alone, players)
SELECT requested_by, (now() AT TIME ZONE 'UTC')::date, sum(moved), sum(moved), sum(rows - skipped)
FROM adjustments
WHERE requester_id IS NULL AND approved_by = '' AND status = 'done'
  AND created_at >= date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
GROUP BY requested_by
ON CONFLICT (person, day) DO NOTHING;
"""


class Migration(migrations.Migration):
    dependencies = [("syncs", "0007_once")]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
