from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audits", "0008_seal_file")]

    operations = [
        migrations.AddField(
            model_name="auditstream",
            name="lease",
            field=models.CharField(db_default="", max_length=32),
        ),
        migrations.AddField(
            model_name="auditstream",
            name="lease_until",
            field=models.DateTimeField(null=True),
        ),
    ]
