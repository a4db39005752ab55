"""Store when secrets were first configured, and when their previous values were last used."""

from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [("grps_site", "0002_shared_clock_and_one_beat")]
    operations = [
        migrations.CreateModel(
            "SecretFingerprint",
            [
                ("id", models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    )),
                ("name", models.CharField(max_length=60)),
                ("fingerprint", models.CharField(max_length=64)),
                ("first_seen", models.DateTimeField(db_default=Now())),
            ],
            options={
                "db_table": "secret_fingerprints",
                "constraints": [
                    models.UniqueConstraint(
                        fields=["name", "fingerprint"], name="secret_fingerprints_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            "PreviousSecretUse",
            [
                ("name", models.CharField(max_length=60, primary_key=True, serialize=False)),
                ("used_at", models.DateTimeField()),
            ],
            options={"db_table": "previous_secret_uses"},
        ),
    ]
