from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("audits", "0004_reverts")]

    operations = [
        AddIndexConcurrently(
            "auditevent", models.Index(fields=["actor_kind", "actor_id", "id"], name="audits_by_actor")
        ),
        AddIndexConcurrently(
            "auditevent",
            models.Index(fields=["request_id", "id"], condition=~Q(request_id=""), name="audits_by_request"),
        ),
        AddIndexConcurrently(
            "auditevent",
            models.Index(fields=["experience", "id"], condition=~Q(experience=""), name="audits_by_experience"),
        ),
    ]
