from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [("players", "0021_bounds")]

    operations = [
        migrations.AddField(
            model_name="player",
            name="member",
            field=models.CharField(
                choices=[("unknown", "Unknown"), ("member", "Member"), ("left", "Left"), ("guest", "Guest")],
                db_default="unknown",
                help_text="what Roblox said of their membership in the group",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="player",
            name="member_since",
            field=models.DateTimeField(db_default=Now(), help_text="since when `member` is as it is"),
        ),
        migrations.AddField(
            model_name="player",
            name="member_seen_at",
            field=models.DateTimeField(
                help_text="when Roblox was last asked about them alone, or a pull changed `member`", null=True
            ),
        ),
        migrations.AddConstraint(
            model_name="player",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("listed", False),
                    ("member__in", ["member", "unknown"]),
                    _connector="OR",
                ),
                name="players_listed_belong",
            ),
        ),
        migrations.AddIndex(
            model_name="player",
            index=models.Index(condition=models.Q(("member", "unknown")), fields=["id"], name="players_unknown"),
        ),
    ]
