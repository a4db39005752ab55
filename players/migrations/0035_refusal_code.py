"""Refusals of append-only tables get an error code of their own, which no other error has."""

from django.db import migrations

REPLACE = """
DO $$
DECLARE
    refusing record;
BEGIN
    FOR refusing IN SELECT p.oid FROM pg_proc p
                    WHERE p.pronamespace = current_schema()::regnamespace AND p.prosrc LIKE '%{before}%' LOOP
        EXECUTE replace(pg_get_functiondef(refusing.oid), '{before}', '{after}');
    END LOOP;
END $$;
"""
NAMED, OWN = "restrict_violation", "GRPS1"


class Migration(migrations.Migration):
    dependencies = [
        ("players", "0034_avatars"),
        ("audits", "0007_reversals"),
    ]

    operations = [
        migrations.RunSQL(
            REPLACE.format(before=NAMED, after=OWN),
            REPLACE.format(before=OWN, after=NAMED),
        ),
        # It has a value in every row. Programs that read the schema see so, too.
        migrations.RunSQL(
            "ALTER TABLE players ALTER COLUMN points SET NOT NULL",
            "ALTER TABLE players ALTER COLUMN points DROP NOT NULL",
        ),
    ]
