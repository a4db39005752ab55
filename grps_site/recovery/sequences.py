"""Let no new row get a number that a lost row had."""

from django.db import connection

JUMP = 1_000
SEQUENCES = (
    "SELECT sequencename, coalesce(last_value, 0) FROM pg_sequences WHERE schemaname = 'public'"
)
# Only the owner may set a sequence; everybody who may use it may take values.
TAKE = "SELECT count(nextval(%s)) FROM generate_series(1, %s)"
AUDITS = "audits_id_seq"


def jump(last_event: int) -> int:
    """Take JUMP values of every sequence, of the events' past `last_event`. Return their number."""
    with connection.cursor() as cursor:
        cursor.execute(SEQUENCES)
        found = cursor.fetchall()
        for name, last in found:
            past = max(0, last_event - last) if name == AUDITS else 0
            cursor.execute(TAKE, [f'public."{name}"', past + JUMP])
    return len(found)
