from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("players", "0014_case_codes")]

    operations = [
        migrations.AddField(
            model_name="erasureorder",
            name="words_sealed",
            field=models.TextField(
                db_default="", help_text="names to look for in texts, encrypted, until it is done"
            ),
        ),
        migrations.AddField(
            model_name="erasureorder",
            name="texts",
            field=models.JSONField(
                default=dict, help_text="how far the reading of texts has come, and how many were done"
            ),
        ),
    ]
