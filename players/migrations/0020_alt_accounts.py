from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("players", "0019_once")]

    operations = [
        migrations.AddField(
            model_name="sanction",
            name="alt_accounts",
            field=models.BooleanField(
                db_default=True, help_text="of a ban: Roblox keeps their alternative accounts out too"
            ),
        ),
    ]
