from django.db import migrations, models
from django.db.models import Q

from common.migration_operations import AddIndexPatiently


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("audits", "0003_streams")]

    operations = [
        AddIndexPatiently(
            "auditevent",
            models.Index(fields=["reverts"], condition=Q(reverts__isnull=False), name="audits_by_reverts"),
        )
    ]
