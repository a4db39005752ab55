"""Keep the leaves of redacted events, and index the addresses that are deleted by age."""

import django.db.models.functions.datetime
from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models
from django.db.models import Q, Value

FORWARD = """
CREATE FUNCTION grps_refuse_unless_redacting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(current_setting('grps.erasing', true), 'off') = 'on'
       AND (NEW.id, NEW.at, NEW.action, NEW.actor_kind, NEW.actor_id, NEW.target_kind, NEW.target_id, NEW.experience,
            NEW.policy_version, NEW.reverts) IS NOT DISTINCT FROM
           (OLD.id, OLD.at, OLD.action, OLD.actor_kind, OLD.actor_id, OLD.target_kind, OLD.target_id, OLD.experience,
            OLD.policy_version, OLD.reverts)
       AND EXISTS (SELECT 1 FROM audit_redactions WHERE event_id = OLD.id) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION grps_guard_redactions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND coalesce(current_setting('grps.erasing', true), 'off') = 'on' THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND (NEW.event_id, NEW.leaf) IS NOT DISTINCT FROM (OLD.event_id, OLD.leaf) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;

DROP TRIGGER audits_append_only ON audits;
CREATE TRIGGER audits_append_only BEFORE DELETE OR TRUNCATE ON audits
    FOR EACH STATEMENT EXECUTE FUNCTION grps_refuse();
CREATE TRIGGER audits_unchanged BEFORE UPDATE ON audits
    FOR EACH ROW EXECUTE FUNCTION grps_refuse_unless_redacting();
CREATE TRIGGER audit_redactions_guarded BEFORE INSERT OR UPDATE OR DELETE ON audit_redactions
    FOR EACH ROW EXECUTE FUNCTION grps_guard_redactions();
CREATE TRIGGER audit_redactions_kept BEFORE TRUNCATE ON audit_redactions
    FOR EACH STATEMENT EXECUTE FUNCTION grps_refuse();
"""

BACKWARD = """
DROP TRIGGER audit_redactions_kept ON audit_redactions;
DROP TRIGGER audit_redactions_guarded ON audit_redactions;
DROP TRIGGER audits_unchanged ON audits;
DROP TRIGGER audits_append_only ON audits;
CREATE TRIGGER audits_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audits
    FOR EACH STATEMENT EXECUTE FUNCTION grps_refuse();
DROP FUNCTION grps_guard_redactions();
DROP FUNCTION grps_refuse_unless_redacting();
"""


class Migration(migrations.Migration):
    dependencies = [("audits", "0005_exploring")]

    operations = [
        migrations.CreateModel(
            name="AuditRedaction",
            fields=[
                (
                    "event",
                    models.OneToOneField(
                        on_delete=models.PROTECT,
                        primary_key=True,
                        related_name="redaction",
                        serialize=False,
                        to="audits.auditevent",
                    ),
                ),
                ("leaf", models.CharField(max_length=64)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "mirrors",
                    ArrayField(
                        base_field=models.CharField(max_length=20),
                        db_default=Value([], output_field=ArrayField(models.CharField(max_length=20))),
                        size=None,
                        help_text="mirrors of the log that have forgotten it too",
                    ),
                ),
            ],
            options={"db_table": "audit_redactions"},
        ),
        migrations.AddIndex(
            "auditpersonal",
            models.Index(fields=["event"], condition=Q(field="address"), name="audit_personal_addresses"),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
