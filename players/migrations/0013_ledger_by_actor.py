from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # the ledger is large: nothing waits for the index

    dependencies = [
        ('players', '0012_spending'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='ledgerentry',
            index=models.Index(condition=models.Q(('actor__isnull', False)), fields=['actor', 'occurred_at'], name='ledger_by_actor'),
        ),
    ]
