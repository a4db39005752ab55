from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("syncs", "0010_freshness")]

    operations = [
        migrations.AddField(
            model_name="syncjob",
            name="question",
            field=models.TextField(db_default="", help_text="what a person must confirm before it goes on"),
        ),
        migrations.AddField(
            model_name="syncjob",
            name="confirmed_by",
            field=models.CharField(db_default="", help_text="the person: Staff.person", max_length=80),
        ),
        migrations.AlterField(
            model_name="syncjob",
            name="status",
            field=models.CharField(
                choices=[
                    ("queued", "Queued"),
                    ("running", "Running"),
                    ("paused", "Paused"),
                    ("waiting", "waits for a person"),
                    ("done", "Done"),
                    ("failed", "Failed"),
                    ("cancelled", "Cancelled"),
                ],
                db_default="queued",
                max_length=10,
            ),
        ),
    ]
