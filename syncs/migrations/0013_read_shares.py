import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("roblox", "0004_counts"), ("syncs", "0012_adjustments")]

    operations = [
        migrations.AddField(
            model_name="membershipread",
            name="experience",
            field=models.ForeignKey(
                db_index=False,
                help_text="whose game servers named the user last; empty: none",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="roblox.experience",
            ),
        ),
    ]
