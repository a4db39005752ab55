"""Remember which groups were met. A group whose members were read before is met already."""

from django.db import migrations, models

KNOWN = """
INSERT INTO group_logs (group_id, taken, met_at) SELECT DISTINCT group_id, '{}'::varchar[], now()
FROM memberships ON CONFLICT (group_id) DO UPDATE SET met_at = now();
"""


class Migration(migrations.Migration):
    dependencies = [("syncs", "0013_read_shares")]

    operations = [
        migrations.AddField(
            model_name="grouplog",
            name="met_at",
            field=models.DateTimeField(
                help_text="when the first pull of its members ended; no role is written before",
                null=True,
            ),
        ),
        migrations.RunSQL(KNOWN, migrations.RunSQL.noop),
    ]
