from typing import Any

from django.db import migrations, models

from players import case_codes

BATCH = 5_000
FILL = """
    UPDATE sanctions s SET code = given.code
    FROM unnest(%s::bigint[], %s::text[]) AS given(id, code) WHERE s.id = given.id"""


def fill(apps: Any, schema_editor: Any) -> None:
    """Give each sanction that is there a code of its own."""
    sanctions = apps.get_model("players", "Sanction").objects.filter(code=None).order_by("pk")
    while ids := list(sanctions.values_list("pk", flat=True)[:BATCH]):
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(FILL, [ids, [case_codes.new_code() for _ in ids]])


class Migration(migrations.Migration):
    dependencies = [("players", "0013_ledger_by_actor")]

    operations = [
        migrations.AddField("sanction", "code", models.CharField(max_length=12, null=True)),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AlterField(
            "sanction",
            "code",
            models.CharField(
                default=case_codes.new_code,
                help_text="shown to the sanctioned player, and to nobody else",
                max_length=12,
                unique=True,
            ),
        ),
    ]
