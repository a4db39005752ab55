"""Check that ledger, sessions, days, players and leaderboard agree, by recomputing each."""

from dataclasses import dataclass

from django.db import connection

from players import leaderboard

# Each query counts the rows that disagree. The ledger is the source of truth for all of them.
CHECKS = {
    "sessions": """
        WITH parts AS (
            SELECT player_id, origin, session, max(sequence) AS sequence,
                   sum(CASE WHEN type IN ('reconciled', 'imported') THEN magnitude ELSE 1 END) AS count,
                   sum(awarded) AS awarded
            FROM ledger WHERE origin <> 'console' GROUP BY player_id, origin, session
        ), true_parts AS (
            SELECT p.*, l.total FROM parts p JOIN ledger l USING (player_id, origin, session, sequence)
        )
        SELECT count(*) FROM sessions s FULL JOIN true_parts t USING (player_id, origin, session)
        WHERE (s.sequence, s.total, s.count, s.awarded) IS DISTINCT FROM (t.sequence, t.total, t.count, t.awarded)""",
    "experiences": """
        SELECT count(*) FROM experience_points e
        FULL JOIN (SELECT player_id, origin, sum(total - apart) AS total FROM sessions GROUP BY 1, 2) s
            USING (player_id, origin)
        WHERE coalesce(e.total, 0) <> coalesce(s.total, 0) OR (e.player_id IS NULL AND s.player_id IS NOT NULL)""",
    "apart": """
        SELECT count(*) FROM sessions s WHERE s.apart <> 0 AND NOT EXISTS (
            SELECT 1 FROM quarantines q JOIN sessions h ON h.origin = q.experience || '~' || q.id
            WHERE q.experience = s.origin AND q.status <> 'released'
              AND h.player_id = s.player_id AND h.session = s.session)""",
    "players": """
        SELECT count(*) FROM players p LEFT JOIN (
            SELECT player_id, sum(greatest(total, 0)) AS total FROM experience_points WHERE counted GROUP BY player_id
        ) s ON s.player_id = p.id
        WHERE p.earned <> coalesce(s.total, 0)""",
    "adjusted": """
        SELECT count(*) FROM players p LEFT JOIN (
            SELECT player_id, sum(awarded) AS awarded, max(sequence) AS sequence
            FROM ledger WHERE origin = 'console' GROUP BY player_id
        ) a ON a.player_id = p.id
        WHERE p.adjusted <> coalesce(a.awarded, 0) OR p.adjusted_sequence <> coalesce(a.sequence, 0)""",
    "days": """
        SELECT count(*) FROM daily_points d FULL JOIN (
            SELECT player_id, origin, (occurred_at AT TIME ZONE 'UTC')::date AS day,
                   sum(CASE WHEN origin = 'grps:hosted' THEN awarded ELSE greatest(awarded, 0) END) AS awarded,
                   count(*) AS events
            FROM ledger WHERE origin <> 'console' AND type NOT IN ('reconciled', 'imported') GROUP BY 1, 2, 3
        ) t USING (player_id, origin, day)
        WHERE (d.awarded, d.events) IS DISTINCT FROM (t.awarded, t.events)""",
    "batches": """
        SELECT count(*) FROM audits a FULL JOIN (
            SELECT batch, encode(sha256(convert_to(string_agg(concat_ws(E'\\t', player_id, origin, session, sequence,
                type, magnitude, (awarded * 100)::bigint, (total * 100)::bigint,
                (extract(epoch FROM occurred_at) * 1000000)::bigint), E'\\n'
                ORDER BY player_id, session, sequence), 'UTF8')), 'hex') AS digest
            FROM ledger WHERE origin <> 'console' GROUP BY batch
        ) l ON l.batch = a.id
        WHERE (a.action IN ('points.ingested', 'points.reconciled') OR l.batch IS NOT NULL)
          AND (a.id IS NULL OR a.action NOT IN ('points.ingested', 'points.reconciled', 'import.applied',
                                                'hosted_event.awarded', 'hosted_event.undone')
               OR a.details->>'digest' IS DISTINCT FROM l.digest)""",
}


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """The number of rows of one kind that disagree with the ledger.

    Rows of kind `batches` disagree with the digests in the audit log.
    """

    kind: str
    rows: int


def verify() -> list[Discrepancy]:
    """Compare everything; an empty list means that all agree.

    It reads all rows, which takes minutes at a hundred million rows.
    """
    findings = []
    with connection.cursor() as cursor:
        for kind, query in CHECKS.items():
            cursor.execute(query)
            findings.append(Discrepancy(kind, int(cursor.fetchone()[0])))
    findings.append(Discrepancy("leaderboard", leaderboard.verify()))
    return [finding for finding in findings if finding.rows]
