"""Move the models of adjustments to the app `players`; its next migration adds them. Tables stay.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("syncs", "0011_questions")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.DeleteModel("AdjustmentRow"),
                migrations.DeleteModel("Adjustment"),
            ]
        )
    ]
