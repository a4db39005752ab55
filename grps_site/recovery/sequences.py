"""Let no new row get a number that a lost row had."""

from django.db import connection

JUMP = 1_000_000
SHORT_JUMP = 1_000  # of sequences that are no bigint: tables of Django's own, which rarely grow
SEQUENCES = """
    SELECT sequencename, coalesce(last_value, 0), data_type::text,
        has_sequence_privilege(format('%I.%I', schemaname, sequencename), 'UPDATE')
    FROM pg_sequences WHERE schemaname = 'public'"""
SET = "SELECT setval(%s, nextval(%s) + %s)"
# Not everybody who may take values may set a sequence.
TAKE = "SELECT count(nextval(%s)) FROM generate_series(1, %s)"
AUDITS = "audits_id_seq"


def jump(last_event: int) -> int:
    """Move every sequence by JUMP, that of the events past `last_event`. Return their number."""
    with connection.cursor() as cursor:
        cursor.execute(SEQUENCES)
        found = cursor.fetchall()
        for name, last, kind, may_set in found:
            past = max(0, last_event - last) if name == AUDITS else 0
            distance = past + (JUMP if kind == "bigint" else SHORT_JUMP)
            quoted = f'public."{name}"'
            if may_set:
                cursor.execute(SET, [quoted, quoted, distance])
            else:
                cursor.execute(TAKE, [quoted, distance])
    return len(found)
