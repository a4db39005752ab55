"""What mass changes know of a person, gone in the transaction in which they are erased."""

from django.db import connection

from players.privacy.person import Person

EVIDENCE = """
    UPDATE bulk_jobs SET arguments = arguments - 'evidence'
    WHERE id IN (SELECT r.job_id FROM bulk_rows r WHERE r.player_id = %s) AND arguments ? 'evidence'"""


def forget_evidence(person: Person) -> None:
    """Links to what was seen go whole from the jobs that they are in. The jobs go on for their
    other rows.
    """
    if person.player_id is None:
        return
    with connection.cursor() as cursor:
        cursor.execute(EVIDENCE, [person.player_id])
