"""Remove a person's data from bulk jobs, in the transaction of their erasure."""

from django.db import connection

from players.privacy.person import Person

EVIDENCE = """
    UPDATE bulk_jobs SET arguments = arguments - 'evidence'
    WHERE id IN (SELECT r.job_id FROM bulk_rows r WHERE r.player_id = %s)
      AND arguments ? 'evidence'"""


def forget_evidence(person: Person) -> None:
    """Remove all evidence links from the jobs that the person is in. The jobs continue."""
    if person.player_id is None:
        return
    with connection.cursor() as cursor:
        cursor.execute(EVIDENCE, [person.player_id])
