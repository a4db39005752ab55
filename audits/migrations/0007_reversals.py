"""Allow only one reversal of each event. For events reverted before, the first reversal counts."""

from django.db import migrations, models

FORWARD = """
INSERT INTO reversals (event_id, by_event)
SELECT reverts, min(id) FROM audits WHERE reverts IS NOT NULL GROUP BY reverts;
CREATE TRIGGER reversals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reversals
    FOR EACH STATEMENT EXECUTE FUNCTION grps_refuse();
"""
BACKWARD = "DROP TRIGGER reversals_append_only ON reversals"


class Migration(migrations.Migration):
    dependencies = [("audits", "0006_forgetting")]

    operations = [
        migrations.CreateModel(
            name="Reversal",
            fields=[
                (
                    "event_id",
                    models.BigIntegerField(
                        help_text="the event that was taken back", primary_key=True, serialize=False
                    ),
                ),
                ("by_event", models.BigIntegerField()),
            ],
            options={"db_table": "reversals"},
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
