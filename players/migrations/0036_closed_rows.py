"""Let rows of figures be updated in place, and refuse moves of rows into a closed period."""

from django.db import migrations

FORWARD = """
CREATE TRIGGER period_totals_moved AFTER UPDATE ON period_totals REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION grps_closed_period_row();
ALTER TABLE player_records SET (fillfactor = 80);
ALTER TABLE period_totals SET (fillfactor = 80);
"""

BACKWARD = """
ALTER TABLE period_totals RESET (fillfactor);
ALTER TABLE player_records RESET (fillfactor);
DROP TRIGGER period_totals_moved ON period_totals;
"""


class Migration(migrations.Migration):
    dependencies = [("players", "0035_refusal_code")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
