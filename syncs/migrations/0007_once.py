"""Make waiting adjustments approval requests, and store what they cost of the requester's day."""

from decimal import Decimal

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('players', '0019_once'),
        ('syncs', '0006_role_pins'),
    ]

    operations = [
        migrations.AddField(
            model_name='adjustment',
            name='approval',
            field=models.OneToOneField(help_text='the request by which it waits for a second person', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='adjustment', to='players.approval'),
        ),
        migrations.AddField(
            model_name='adjustment',
            name='charged_on',
            field=models.DateField(help_text='the day whose limit it was charged to when it was let go', null=True),
        ),
        migrations.AddField(
            model_name='adjustment',
            name='reserved',
            field=models.DecimalField(db_default=models.Value(Decimal('0')), decimal_places=2, help_text='of that charge, what no chunk has settled yet', max_digits=14),
        ),
        migrations.AlterField(
            model_name='adjustment',
            name='below',
            field=models.SmallIntegerField(help_text='when it was judged at first: only players below this position; empty: no rank binds', null=True),
        ),
    ]
