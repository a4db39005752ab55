import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [("players", "0038_imports")]

    operations = [
        migrations.AddField(
            model_name="player",
            name="resting_since",
            field=models.DateTimeField(
                help_text="since when a leave keeps their time in rank from going on", null=True
            ),
        ),
        migrations.CreateModel(
            name="Leave",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("asked", "asked for"),
                            ("approved", "Approved"),
                            ("turned_down", "turned down"),
                            ("withdrawn", "Withdrawn"),
                            ("ended", "over"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("page", "on the member's own page"),
                            ("game", "in a game"),
                            ("discord", "on Discord"),
                            ("staff", "granted by staff"),
                        ],
                        max_length=10,
                    ),
                ),
                ("first_day", models.DateField()),
                ("last_day", models.DateField()),
                ("reason", models.TextField(help_text="only staff and the member read it")),
                ("extension_to", models.DateField(null=True)),
                ("extension_reason", models.TextField(db_default="")),
                (
                    "answer",
                    models.TextField(
                        db_default="", help_text="what the member reads of the decision"
                    ),
                ),
                (
                    "decided_by",
                    models.CharField(
                        db_default="", help_text="the person: Staff.person", max_length=80
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=Now())),
                ("decided_at", models.DateTimeField(null=True)),
                (
                    "started_at",
                    models.DateTimeField(help_text="when its first day came", null=True),
                ),
                (
                    "reminded_for",
                    models.DateField(help_text="the last day that was reminded of", null=True),
                ),
                (
                    "player",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="leaves",
                        to="players.player",
                    ),
                ),
            ],
            options={
                "db_table": "leaves",
                "indexes": [
                    models.Index(fields=["player", "first_day"], name="leaves_by_player"),
                    models.Index(
                        condition=Q(status="asked") | Q(extension_to__isnull=False),
                        fields=["id"],
                        name="leaves_waiting",
                    ),
                    models.Index(
                        condition=Q(status="approved"), fields=["last_day"], name="leaves_approved"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=Q(status="asked"), fields=("player",), name="leaves_one_asked"
                    ),
                    models.CheckConstraint(
                        condition=Q(last_day__gte=F("first_day")), name="leaves_end_after_start"
                    ),
                    models.CheckConstraint(
                        condition=Q(extension_to=None)
                        | Q(extension_to__gt=F("last_day"), status="approved"),
                        name="leaves_extension_is_later",
                    ),
                ],
            },
        ),
    ]
