from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('syncs', '0015_join_requests'),
    ]

    operations = [
        migrations.AddField(
            model_name='joinrequest',
            name='account_asked_at',
            field=models.DateTimeField(help_text='when Roblox was last asked about the account', null=True),
        ),
    ]
