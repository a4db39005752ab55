"""Take over the models of adjustments from the app `syncs`. Their tables stay as they are."""

import django.db.models.deletion
import django.db.models.functions.datetime
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('players', '0023_quarantines'),
        ('syncs', '0012_adjustments'),
    ]

    operations = [
        migrations.AlterField(
            model_name='bulkjob',
            name='act',
            field=models.CharField(help_text='warn, adjust, revert, …', max_length=20),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name='Adjustment',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('lease', models.CharField(db_default='', max_length=32)),
                        ('lease_until', models.DateTimeField(null=True)),
                        ('attempts', models.IntegerField(db_default=0, help_text='failures since the last success')),
                        ('retry_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                        ('idempotency_key', models.CharField(max_length=128, null=True, unique=True)),
                        ('digest', models.CharField(help_text='SHA-256 of the rows, so that a key stands for one content', max_length=64)),
                        ('status', models.CharField(choices=[('preview', 'Preview'), ('waiting', 'waits for a second person'), ('applying', 'Applying'), ('done', 'Done'), ('rejected', 'Rejected')], db_default='preview', max_length=10)),
                        ('reason', models.TextField()),
                        ('requested_by', models.CharField(help_text='the person, by whom the second one is told apart', max_length=80)),
                        ('below', models.SmallIntegerField(help_text='when it was judged at first: only players below this position; empty: no rank binds', null=True)),
                        ('event', models.BigIntegerField(db_default=0, help_text='the audit event that says who asked')),
                        ('approved_by', models.CharField(db_default='', max_length=80)),
                        ('rows', models.BigIntegerField()),
                        ('skipped', models.BigIntegerField()),
                        ('applied', models.BigIntegerField(db_default=0)),
                        ('total', models.DecimalField(decimal_places=2, help_text='the sum of what will change', max_digits=14)),
                        ('moved', models.DecimalField(decimal_places=2, help_text='the sum of the amounts without their signs', max_digits=14)),
                        ('line', models.BigIntegerField(db_default=0, help_text='up to here the rows are settled')),
                        ('charged_on', models.DateField(help_text='the day whose limit it was charged to when it was let go', null=True)),
                        ('reserved', models.DecimalField(db_default=models.Value(Decimal('0')), decimal_places=2, help_text='of that charge, what no chunk has settled yet', max_digits=14)),
                        ('error', models.TextField(db_default='')),
                        ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                        ('approved_at', models.DateTimeField(null=True)),
                        ('finished_at', models.DateTimeField(null=True)),
                        ('approval', models.OneToOneField(help_text='the request by which it waits for a second person', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='adjustment', to='players.approval')),
                        ('inverse_of', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='inverse', to='players.adjustment')),
                        ('requester', models.ForeignKey(db_index=False, help_text='the requester on the ladder, where known: nobody adjusts themselves', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='players.player')),
                    ],
                    options={
                        'db_table': 'adjustments',
                    },
                ),
                migrations.CreateModel(
                    name='AdjustmentRow',
                    fields=[
                        ('pk', models.CompositePrimaryKey('adjustment_id', 'line', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('line', models.BigIntegerField()),
                        ('user_id', models.BigIntegerField()),
                        ('amount', models.DecimalField(decimal_places=2, max_digits=14)),
                        ('reason', models.TextField(db_default='', help_text='of this row, where the file gives one')),
                        ('status', models.CharField(choices=[('pending', 'Pending'), ('applied', 'Applied'), ('skipped', 'Skipped')], db_default='pending', max_length=8)),
                        ('note', models.TextField(db_default='', help_text='why it was skipped')),
                        ('points', models.DecimalField(decimal_places=2, help_text="the player's points after it", max_digits=14, null=True)),
                        ('adjustment', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='players.adjustment')),
                    ],
                    options={
                        'db_table': 'adjustment_rows',
                    },
                ),
                migrations.AddIndex(
                    model_name='adjustment',
                    index=models.Index(condition=models.Q(('status', 'applying')), fields=['retry_at'], name='adjustments_to_do'),
                ),
                migrations.AddConstraint(
                    model_name='adjustment',
                    constraint=models.CheckConstraint(condition=models.Q(('approved_by', ''), models.Q(('approved_by', models.F('requested_by')), _negated=True), _connector='OR'), name='adjustments_second_person'),
                ),
                migrations.AddIndex(
                    model_name='adjustmentrow',
                    index=models.Index(condition=models.Q(('status', 'skipped')), fields=['adjustment', 'line'], name='adjustment_rows_skipped'),
                ),
                migrations.AddConstraint(
                    model_name='adjustmentrow',
                    constraint=models.UniqueConstraint(fields=('user_id', 'adjustment'), name='adjustment_rows_once'),
                ),
            ],
        ),
    ]
