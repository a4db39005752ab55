"""Figures for public pages, and the KOs and WOs of days."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('players', '0025_job_fields'),
    ]

    operations = [
        migrations.CreateModel(
            name='DailyBalance',
            fields=[
                ('pk', models.CompositePrimaryKey('player_id', 'day', blank=True, editable=False, primary_key=True, serialize=False)),
                ('player', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='players.player')),
                ('day', models.DateField()),
                ('balance', models.DecimalField(decimal_places=2, max_digits=14)),
            ],
            options={
                'db_table': 'daily_balances',
            },
        ),
        migrations.CreateModel(
            name='FastestPromotion',
            fields=[
                ('pk', models.CompositePrimaryKey('rank_id', 'place', blank=True, editable=False, primary_key=True, serialize=False)),
                ('rank', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='players.rank')),
                ('player', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='players.player')),
                ('place', models.SmallIntegerField(help_text='from 1')),
                ('seconds', models.BigIntegerField()),
            ],
            options={
                'db_table': 'fastest_promotions',
            },
        ),
        migrations.CreateModel(
            name='Period',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('week', 'Week'), ('month', 'Month'), ('season', 'Season')], max_length=6)),
                ('key', models.CharField(help_text='2026-W48, 2026-11 or 2026-S4', max_length=8)),
                ('starts_on', models.DateField()),
                ('ends_on', models.DateField(help_text='the first day after it')),
                ('frozen_at', models.DateTimeField(null=True)),
                ('closed_at', models.DateTimeField(null=True)),
                ('players', models.IntegerField(db_default=0, help_text='listed players who earned points in it')),
            ],
            options={
                'db_table': 'periods',
            },
        ),
        migrations.CreateModel(
            name='PeriodTotal',
            fields=[
                ('pk', models.CompositePrimaryKey('period_id', 'player_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('period', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='players.period')),
                ('player', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='players.player')),
                ('awarded', models.DecimalField(decimal_places=2, max_digits=14)),
                ('kos', models.BigIntegerField()),
                ('wos', models.BigIntegerField()),
                ('position', models.IntegerField(null=True)),
                ('position_kos', models.IntegerField(null=True)),
                ('position_wos', models.IntegerField(null=True)),
            ],
            options={
                'db_table': 'period_totals',
            },
        ),
        migrations.CreateModel(
            name='PlayerRecord',
            fields=[
                ('player', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='players.player')),
                ('row_version', models.BigIntegerField()),
                ('best_day', models.DecimalField(decimal_places=2, max_digits=14)),
                ('best_day_on', models.DateField(null=True)),
                ('best_week', models.DecimalField(decimal_places=2, max_digits=14)),
                ('best_week_key', models.CharField(db_default='', max_length=8)),
                ('longest_streak', models.IntegerField()),
                ('longest_streak_ended_on', models.DateField(null=True)),
                ('streak', models.IntegerField(help_text='days in a row up to `streak_ended_on`')),
                ('streak_ended_on', models.DateField(help_text='their last day with points', null=True)),
            ],
            options={
                'db_table': 'player_records',
            },
        ),
        migrations.CreateModel(
            name='PositionSnapshot',
            fields=[
                ('pk', models.CompositePrimaryKey('day', 'player_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('player', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='players.player')),
                ('day', models.DateField()),
                ('position', models.IntegerField()),
                ('points', models.DecimalField(decimal_places=2, max_digits=14)),
            ],
            options={
                'db_table': 'position_snapshots',
            },
        ),
        migrations.CreateModel(
            name='RankCount',
            fields=[
                ('rank', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='players.rank')),
                ('players', models.IntegerField()),
            ],
            options={
                'db_table': 'rank_counts',
            },
        ),
        migrations.CreateModel(
            name='StatisticsState',
            fields=[
                ('name', models.CharField(max_length=20, primary_key=True, serialize=False)),
                ('cursor_at', models.DateTimeField(null=True)),
                ('cursor_id', models.BigIntegerField(db_default=0)),
                ('progress', models.JSONField(default=dict)),
                ('ran_at', models.DateTimeField(help_text='when it last came to its end', null=True)),
            ],
            options={
                'db_table': 'statistics_state',
            },
        ),
        migrations.AddField(
            model_name='dailypoints',
            name='kos',
            field=models.BigIntegerField(db_default=0),
        ),
        migrations.AddField(
            model_name='dailypoints',
            name='wos',
            field=models.BigIntegerField(db_default=0),
        ),
        migrations.AddConstraint(
            model_name='dailypoints',
            constraint=models.CheckConstraint(condition=models.Q(('kos__gte', 0), ('wos__gte', 0)), name='daily_points_counts_not_negative'),
        ),
        migrations.AddIndex(
            model_name='period',
            index=models.Index(fields=['kind', 'starts_on'], name='periods_by_start'),
        ),
        migrations.AddIndex(
            model_name='period',
            index=models.Index(condition=models.Q(('closed_at', None)), fields=['ends_on'], name='periods_open'),
        ),
        migrations.AddConstraint(
            model_name='period',
            constraint=models.UniqueConstraint(fields=('kind', 'key'), name='periods_once'),
        ),
        migrations.AddConstraint(
            model_name='period',
            constraint=models.CheckConstraint(condition=models.Q(('starts_on__lt', models.F('ends_on'))), name='periods_days'),
        ),
        migrations.AddConstraint(
            model_name='period',
            constraint=models.CheckConstraint(condition=models.Q(('closed_at', None), ('frozen_at__isnull', False), _connector='OR'), name='periods_frozen_first'),
        ),
        migrations.AddIndex(
            model_name='playerrecord',
            index=models.Index(condition=models.Q(('best_day__gt', 0)), fields=['best_day', 'player'], name='player_records_by_day'),
        ),
        migrations.AddIndex(
            model_name='playerrecord',
            index=models.Index(condition=models.Q(('best_week__gt', 0)), fields=['best_week', 'player'], name='player_records_by_week'),
        ),
        migrations.AddIndex(
            model_name='playerrecord',
            index=models.Index(condition=models.Q(('longest_streak__gt', 0)), fields=['longest_streak', 'player'], name='player_records_by_streak'),
        ),
        migrations.AddIndex(
            model_name='periodtotal',
            index=models.Index(condition=models.Q(('awarded__gt', 0)), fields=['period', 'awarded', 'player'], name='period_totals_by_points'),
        ),
        migrations.AddIndex(
            model_name='periodtotal',
            index=models.Index(condition=models.Q(('kos__gt', 0)), fields=['period', 'kos', 'player'], name='period_totals_by_kos'),
        ),
        migrations.AddIndex(
            model_name='periodtotal',
            index=models.Index(condition=models.Q(('wos__gt', 0)), fields=['period', 'wos', 'player'], name='period_totals_by_wos'),
        ),
        migrations.AddConstraint(
            model_name='periodtotal',
            constraint=models.CheckConstraint(condition=models.Q(('awarded__gte', 0), ('kos__gte', 0), ('wos__gte', 0)), name='period_totals_not_negative'),
        ),
    ]
