from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # nothing waits for the indexes

    dependencies = [
        ('players', '0046_member_reports'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='rankrestriction',
            index=models.Index(condition=models.Q(('ends_at__isnull', False), ('lifted_at', None)), fields=['ends_at'], name='rank_restrictions_by_end'),
        ),
        AddIndexConcurrently(
            model_name='quotaexemption',
            index=models.Index(condition=models.Q(('ended_at', None), ('ends_on__isnull', False)), fields=['ends_on'], name='quota_exemptions_by_end'),
        ),
        migrations.AlterField(
            model_name='quotaexemption',
            name='ended_at',
            field=models.DateTimeField(help_text='when staff or its last day ended it', null=True),
        ),
    ]
