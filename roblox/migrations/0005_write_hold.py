from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("roblox", "0004_counts")]

    operations = [
        migrations.CreateModel(
            name="WriteHold",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("database", models.CharField(max_length=40)),
                ("since", models.DateTimeField(null=True)),
                ("reason", models.TextField(db_default="")),
            ],
            options={
                "db_table": "roblox_write_hold",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="roblox_write_hold_has_one_row")
                ],
            },
        ),
    ]
