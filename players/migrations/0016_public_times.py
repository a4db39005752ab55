import datetime

from django.db import migrations, models
from django.db.models.functions import Now

# What was last earned, not what was last changed: a sanction moved that.
FILL = """
    UPDATE players p SET synced_at = coalesce(
        (SELECT max(s.last_at) FROM sessions s WHERE s.player_id = p.id), p.created_at)"""
# A moment beyond what Python can read cannot be lifted: such a sanction goes on until the last moment that both hold.
MEND = "UPDATE sanctions SET ends_at = '9998-12-31T00:00:00Z' WHERE ends_at >= '9999-01-01T00:00:00Z'"


LATEST = datetime.datetime(9999, 1, 1, tzinfo=datetime.UTC)


class Migration(migrations.Migration):
    dependencies = [("players", "0015_forgetting")]

    operations = [
        migrations.AddField(
            model_name="player",
            name="synced_at",
            field=models.DateTimeField(
                db_default=Now(),
                help_text="when points, counts or names last changed: public, so no sanction moves it",
            ),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RunSQL(MEND, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="sanction",
            constraint=models.CheckConstraint(
                condition=models.Q(ends_at=None) | models.Q(ends_at__lt=LATEST),
                name="sanctions_end_within_bounds",
            ),
        ),
    ]
