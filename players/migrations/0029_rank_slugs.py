"""Slugs, descriptions and colours of ranks, and a row for each time that a policy was put in force."""

from django.db import migrations, models

from players.policy.bundle import parse_bundle
from players.policy.public_changes import public_changes
from players.policy.public_document import public_document
from players.policy.slugs import free_slug


def fill_slugs(apps, schema_editor):
    taken = set()
    for rank in apps.get_model("players", "Rank").objects.order_by("retired", "position", "pk"):
        rank.slug = free_slug(rank.name, taken)
        rank.save(update_fields=["slug"])
        taken.add(rank.slug)


def fill_activations(apps, schema_editor):
    """Write the activations that the audit log knows, else the one in force."""
    versions = {one.content_hash: one for one in apps.get_model("players", "PolicyVersion").objects.all()}
    events = apps.get_model("audits", "AuditEvent").objects.filter(action="policy.activated").order_by("pk")
    found = [(event.details["after"]["version"], event.at) for event in events.only("details", "at")]
    present = next((one for one in versions.values() if one.is_active), None)
    if present and (not found or found[-1][0] != present.content_hash):
        found.append((present.content_hash, present.activated_at))
    before = None
    for version, at in found:
        if version in versions:
            bundle = parse_bundle(versions[version].documents)
            apps.get_model("players", "PolicyActivation").objects.create(
                number=versions[version].number,
                version=version,
                activated_at=at,
                document=public_document(bundle),
                changes=public_changes(before or bundle, bundle),
            )
            before = bundle


class Migration(migrations.Migration):
    dependencies = [("players", "0028_statistics_filled"), ("audits", "0007_reversals")]

    operations = [
        migrations.AddField("rank", "slug", models.CharField(max_length=90, null=True)),
        migrations.AddField("rank", "description", models.CharField(db_default="", max_length=200)),
        migrations.AddField(
            "rank", "colour", models.CharField(help_text="#rrggbb", max_length=7, null=True)
        ),
        migrations.CreateModel(
            name="PolicyActivation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField(help_text="the version's number")),
                ("version", models.CharField(help_text="the version's content hash", max_length=64)),
                ("activated_at", models.DateTimeField()),
                ("document", models.JSONField()),
                ("changes", models.JSONField()),
            ],
            options={"db_table": "policy_activations"},
        ),
        migrations.RunPython(fill_slugs, migrations.RunPython.noop),
        migrations.RunPython(fill_activations, migrations.RunPython.noop),
    ]
