from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("console", "0003_seen")]

    operations = [
        migrations.CreateModel(
            name="RefusedSignIns",
            fields=[
                ("way", models.CharField(max_length=20, primary_key=True, serialize=False)),
                ("waiting", models.BigIntegerField(db_default=0)),
                ("why", models.TextField(db_default="", help_text="the last cause")),
                ("told_at", models.DateTimeField(null=True)),
            ],
            options={"db_table": "refused_sign_ins"},
        ),
    ]
