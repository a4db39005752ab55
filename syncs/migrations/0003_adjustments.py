"""Add the requester and the reach of adjustments, unique players, and erasure in their rows."""

import django.db.models.deletion
from django.db import migrations, models


FORWARD = """
CREATE FUNCTION grps_adjustments_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE adjustment_rows SET user_id = NEW.user_id, reason = '' WHERE user_id = OLD.user_id;
    RETURN NULL;
END $$;

CREATE TRIGGER players_adjustments_erased AFTER UPDATE OF erased_at ON players
    FOR EACH ROW WHEN (NEW.erased_at IS NOT NULL AND OLD.erased_at IS NULL)
    EXECUTE FUNCTION grps_adjustments_erased();
"""

BACKWARD = """
DROP TRIGGER players_adjustments_erased ON players;
DROP FUNCTION grps_adjustments_erased;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('players', '0003_sanctions'),
        ('syncs', '0002_triggers'),
    ]

    operations = [
        migrations.AddField(
            model_name='adjustment',
            name='below',
            field=models.SmallIntegerField(help_text='only players below this position; empty: no rank binds', null=True),
        ),
        migrations.AddField(
            model_name='adjustment',
            name='event',
            field=models.BigIntegerField(db_default=0, help_text='the audit event that says who asked'),
        ),
        migrations.AddField(
            model_name='adjustment',
            name='requester',
            field=models.ForeignKey(db_index=False, help_text='the requester on the ladder, where known: nobody adjusts themselves', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='players.player'),
        ),
        migrations.AddField(
            model_name='adjustmentrow',
            name='reason',
            field=models.TextField(db_default='', help_text='of this row, where the file gives one'),
        ),
        migrations.AlterField(
            model_name='adjustment',
            name='requested_by',
            field=models.CharField(help_text='the person, by whom the second one is told apart', max_length=80),
        ),
        migrations.AddIndex(
            model_name='adjustmentrow',
            index=models.Index(condition=models.Q(('status', 'skipped')), fields=['adjustment', 'line'], name='adjustment_rows_skipped'),
        ),
        migrations.AddConstraint(
            model_name='adjustmentrow',
            constraint=models.UniqueConstraint(fields=('user_id', 'adjustment'), name='adjustment_rows_once'),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
