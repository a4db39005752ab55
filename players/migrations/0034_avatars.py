import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [("players", "0033_portal_players")]

    operations = [
        migrations.CreateModel(
            name="Avatar",
            fields=[
                (
                    "player",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="players.player",
                    ),
                ),
                ("image", models.BinaryField(null=True)),
                ("media_type", models.CharField(db_default="", max_length=20)),
                ("checked_at", models.DateTimeField(null=True)),
                ("due_at", models.DateTimeField(db_default=Now(), null=True)),
                ("attempts", models.PositiveSmallIntegerField(db_default=0)),
            ],
            options={
                "db_table": "avatars",
                "indexes": [
                    models.Index(
                        condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="avatars_due"
                    ),
                    models.Index(fields=["checked_at"], name="avatars_by_age"),
                ],
            },
        ),
    ]
