"""Judge quotas set by set: no check of a foreign key for each result, and two steps a period."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("players", "0044_activity")]

    operations = [
        migrations.AddField("quotaperiod", "judged_at", models.DateTimeField(null=True, help_text="when everybody was judged")),
        migrations.AddField("quotaperiod", "followed_through", models.BigIntegerField(db_default=0)),
        # What is judged already has had its outcome.
        migrations.RunSQL(
            "UPDATE quota_periods SET followed_through = judged_through WHERE status = 'judging'",
            migrations.RunSQL.noop,
        ),
        migrations.AddField("quotaresult", "resting", models.SmallIntegerField(db_default=0)),
        migrations.AlterField(
            "quotaresult",
            "player",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="players.player",
            ),
        ),
        migrations.AlterField(
            "quotaresult",
            "period",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="results",
                to="players.quotaperiod",
            ),
        ),
    ]
