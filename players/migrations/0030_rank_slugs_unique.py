from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("players", "0029_rank_slugs")]

    operations = [
        migrations.AlterField(
            "rank",
            "slug",
            models.CharField(help_text="in addresses of pages; never changes", max_length=90, unique=True),
        ),
    ]
