from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("audits", "0003_streams")]

    operations = [
        AddIndexConcurrently(
            "auditevent",
            models.Index(fields=["reverts"], condition=Q(reverts__isnull=False), name="audits_by_reverts"),
        )
    ]
