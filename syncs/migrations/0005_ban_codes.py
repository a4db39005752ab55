from django.db import migrations

# The text of a ban on Roblox names the case. It is written again, so that it shows the code.
AGAIN = """
    UPDATE mirrors SET version = version + 1, status = 'pending', attempts = 0, reason = '', retry_at = now(),
                       wanted_at = now()
    WHERE aspect = 'restriction' AND status = 'confirmed' AND (desired->>'active')::boolean"""


class Migration(migrations.Migration):
    dependencies = [("syncs", "0004_erasure"), ("players", "0014_case_codes")]

    operations = [migrations.RunSQL(AGAIN, migrations.RunSQL.noop)]
