from django.db import migrations, models
from django.db.models import Q

from common.migration_operations import AddIndexPatiently


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("audits", "0004_reverts")]

    operations = [
        AddIndexPatiently(
            "auditevent", models.Index(fields=["actor_kind", "actor_id", "id"], name="audits_by_actor")
        ),
        AddIndexPatiently(
            "auditevent",
            models.Index(fields=["request_id", "id"], condition=~Q(request_id=""), name="audits_by_request"),
        ),
        AddIndexPatiently(
            "auditevent",
            models.Index(fields=["experience", "id"], condition=~Q(experience=""), name="audits_by_experience"),
        ),
    ]
