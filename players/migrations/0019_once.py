"""One row for what a person moves on a day, with today's; what is asked for once; what a held change takes back."""

from decimal import Decimal

from django.db import migrations, models

# What was moved today by adjustments and given in games. Actors are few: they are found one after the other by the
# index, without a look at the ledger's other rows.
TODAY = """
WITH RECURSIVE actors AS (
    SELECT min(actor_id) AS id FROM ledger WHERE actor_id IS NOT NULL
    UNION ALL
    SELECT (SELECT min(l.actor_id) FROM ledger l WHERE l.actor_id > a.id) FROM actors a WHERE a.id IS NOT NULL
), midnight AS (
    SELECT date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS at
), moved AS (
    SELECT 'player:' || a.id AS person, sum(abs(l.awarded)) AS spent, count(*) AS players
    FROM actors a, midnight m, LATERAL (
        SELECT awarded FROM ledger
        WHERE actor_id = a.id AND occurred_at >= m.at AND origin = 'console' AND type = 'adjustment'
    ) l
    WHERE a.id IS NOT NULL GROUP BY a.id
    UNION ALL
    SELECT person, sum(spent), count(*) FROM staff_acts, midnight m WHERE staff_acts.at >= m.at AND spent > 0
    GROUP BY person
)
INSERT INTO spending (person, day, spent, alone, players)
SELECT person, (now() AT TIME ZONE 'UTC')::date, sum(spent), sum(spent), sum(players) FROM moved GROUP BY person
"""

class Migration(migrations.Migration):

    dependencies = [
        ('players', '0018_experience_points_filled'),
    ]

    operations = [
        migrations.CreateModel(
            name='Spending',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('person', models.CharField(help_text='Staff.person', max_length=80)),
                ('day', models.DateField()),
                ('spent', models.DecimalField(db_default=models.Value(Decimal('0')), decimal_places=2, help_text='points moved, without their signs', max_digits=14)),
                ('alone', models.DecimalField(db_default=models.Value(Decimal('0')), decimal_places=2, help_text='of these, what no second person approved', max_digits=14)),
                ('players', models.BigIntegerField(db_default=0, help_text='how many players those moved')),
            ],
            options={
                'db_table': 'spending',
            },
        ),
        migrations.RunSQL(TODAY, migrations.RunSQL.noop),
        migrations.RemoveField(
            model_name='staffact',
            name='spent',
        ),
        migrations.AddField(
            model_name='approval',
            name='once',
            field=models.CharField(db_default='', help_text='while it waits: what nobody asks for beside it', max_length=64),
        ),
        migrations.AddField(
            model_name='bulkjob',
            name='charged_on',
            field=models.DateField(help_text='the day whose limit it was charged to when it began', null=True),
        ),
        migrations.AddField(
            model_name='bulkjob',
            name='reserved',
            field=models.DecimalField(db_default=models.Value(Decimal('0')), decimal_places=2, help_text='of that charge, what no row has settled yet', max_digits=14),
        ),
        migrations.AddField(
            model_name='bulkrow',
            name='amount',
            field=models.DecimalField(db_default=models.Value(Decimal('0')), decimal_places=2, help_text='by how much it adjusts them', max_digits=14),
        ),
        migrations.AddField(
            model_name='decision',
            name='reverts',
            field=models.BigIntegerField(help_text='the audit event that it takes back once it is applied', null=True),
        ),
        migrations.AddConstraint(
            model_name='approval',
            constraint=models.UniqueConstraint(condition=models.Q(('status', 'waiting'), models.Q(('once', ''), _negated=True)), fields=('once',), name='approvals_once_waiting'),
        ),
        migrations.AddIndex(
            model_name='spending',
            index=models.Index(fields=['day'], name='spending_by_day'),
        ),
        migrations.AddConstraint(
            model_name='spending',
            constraint=models.UniqueConstraint(fields=('person', 'day'), name='spending_once'),
        ),
        migrations.AddConstraint(
            model_name='spending',
            constraint=models.CheckConstraint(condition=models.Q(('alone__gte', 0), ('players__gte', 0), ('spent__gte', 0)), name='spending_not_negative'),
        ),
    ]
