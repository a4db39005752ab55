from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audits", "0007_reversals")]

    operations = [
        migrations.CreateModel(
            name="SealFileState",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("last_seal", models.BigIntegerField(db_default=0)),
                ("error", models.TextField(db_default="")),
                ("differs_since", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "seal_file",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="seal_file_has_one_row")
                ],
            },
        ),
    ]
