import django.contrib.postgres.fields
from django.db import migrations, models
from django.db.models import Value


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0002_names")]

    operations = [
        migrations.AddField(
            "webhookendpoint",
            "refused",
            django.contrib.postgres.fields.ArrayField(
                models.BigIntegerField(),
                blank=True,
                db_default=Value(
                    [],
                    output_field=django.contrib.postgres.fields.ArrayField(
                        models.BigIntegerField()
                    ),
                ),
                help_text="deliveries that it refused since the last success",
            ),
        ),
    ]
