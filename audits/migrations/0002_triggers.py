"""Create the triggers that keep events and seals append-only and mark every event as pending."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION grps_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION grps_refuse_unless_erasing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND coalesce(current_setting('grps.erasing', true), 'off') = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% changes only when a person is erased: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION grps_audit_pending() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_pending (event_id) SELECT id FROM fresh;
    RETURN NULL;
END $$;

CREATE TRIGGER audits_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audits
    FOR EACH STATEMENT EXECUTE FUNCTION grps_refuse();
CREATE TRIGGER seals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON seals
    FOR EACH STATEMENT EXECUTE FUNCTION grps_refuse();
CREATE TRIGGER sealed_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON sealed_events
    FOR EACH STATEMENT EXECUTE FUNCTION grps_refuse();
CREATE TRIGGER audit_personal_guarded BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_personal
    FOR EACH STATEMENT EXECUTE FUNCTION grps_refuse_unless_erasing();
CREATE TRIGGER audits_pending AFTER INSERT ON audits REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION grps_audit_pending();

ALTER TABLE audit_pending SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
"""

BACKWARD = """
DROP TRIGGER audits_pending ON audits;
DROP TRIGGER audit_personal_guarded ON audit_personal;
DROP TRIGGER sealed_events_append_only ON sealed_events;
DROP TRIGGER seals_append_only ON seals;
DROP TRIGGER audits_append_only ON audits;
DROP FUNCTION grps_audit_pending();
DROP FUNCTION grps_refuse_unless_erasing();
DROP FUNCTION grps_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("audits", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
