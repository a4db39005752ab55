"""Store which key made each mark. Earlier marks were made by DJANGO_SECRET_KEY or a fallback of it."""

from typing import Any

from django.conf import settings
from django.db import migrations, models

from players.privacy import marks


def name_keys(apps: Any, _: Any) -> None:
    derived = [marks.derive(one) for one in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    known = " ".join(marks.key_id(key) for key in derived)
    apps.get_model("players", "ErasureOrder").objects.filter(mark_key="").update(mark_key=known)


class Migration(migrations.Migration):
    dependencies = [("players", "0036_closed_rows")]
    operations = [
        migrations.AddField(
            "erasureorder",
            "mark_key",
            models.TextField(
                db_default="", help_text="ids of the keys of which one made the mark"
            ),
        ),
        migrations.RunPython(name_keys, migrations.RunPython.noop),
    ]
