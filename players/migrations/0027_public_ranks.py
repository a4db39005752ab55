import django.db.models.functions.comparison
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # there may be many players: nothing waits for the index

    dependencies = [
        ('players', '0026_statistics'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='player',
            index=models.Index(django.db.models.functions.comparison.Coalesce(models.F('former_rank'), models.F('rank')), models.F('points'), models.F('id'), condition=models.Q(('listed', True)), include=('former_rank', 'rank'), name='players_by_public_rank'),
        ),
    ]
