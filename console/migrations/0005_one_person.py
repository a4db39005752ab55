from django.db import migrations, models

# The rule of the second person treats linked accounts as one person, whichever account a name
# belongs to.
SQL = """
    CREATE FUNCTION staff_person(person text) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT coalesce((SELECT 'player:' || p.id FROM staff_accounts a JOIN players p ON p.user_id = a.same_as
                         WHERE person ~ '^staff:[0-9]{1,9}$' AND a.user_id = substr(person, 7)::int), person) $$;
    CREATE FUNCTION staff_person_of_name(name text) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT CASE WHEN name ~ '^staff:local-[0-9]{1,9}$' THEN staff_person('staff:' || substr(name, 13))
                    WHEN name ~ '^staff:[0-9]+$' THEN 'player:' || substr(name, 7) ELSE name END $$;
    CREATE FUNCTION second_person() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_TABLE_NAME = 'approvals' THEN
            IF NEW.requested_by <> NEW.decided_by
               AND staff_person(NEW.requested_by) = staff_person(NEW.decided_by) THEN
                RAISE EXCEPTION 'both accounts are of one person' USING ERRCODE = 'check_violation';
            END IF;
        ELSIF TG_TABLE_NAME = 'role_grants' THEN
            IF NEW.granted_by <> NEW.approved_by
               AND staff_person(NEW.granted_by) = staff_person(NEW.approved_by) THEN
                RAISE EXCEPTION 'both accounts are of one person' USING ERRCODE = 'check_violation';
            END IF;
        ELSIF NEW.proposed_by <> NEW.decided_by
              AND staff_person_of_name(NEW.proposed_by) = staff_person_of_name(NEW.decided_by) THEN
            RAISE EXCEPTION 'both accounts are of one person' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER approvals_one_person BEFORE INSERT OR UPDATE ON approvals
        FOR EACH ROW WHEN (NEW.status = 'approved') EXECUTE FUNCTION second_person();
    CREATE TRIGGER role_grants_one_person BEFORE INSERT ON role_grants
        FOR EACH ROW EXECUTE FUNCTION second_person();
    CREATE TRIGGER decisions_one_person BEFORE UPDATE ON decisions
        FOR EACH ROW WHEN (NEW.status = 'applied' AND NEW.proposed_by <> '') EXECUTE FUNCTION second_person();"""
BACK = """
    DROP TRIGGER approvals_one_person ON approvals; DROP TRIGGER role_grants_one_person ON role_grants;
    DROP TRIGGER decisions_one_person ON decisions; DROP FUNCTION second_person();
    DROP FUNCTION staff_person_of_name(text); DROP FUNCTION staff_person(text);"""


class Migration(migrations.Migration):
    dependencies = [("console", "0004_refused_sign_ins"), ("players", "0014_case_codes")]

    operations = [
        migrations.AddField(
            "staffaccount",
            "same_as",
            models.BigIntegerField(db_index=True, help_text="of a local owner: their Roblox user id", null=True),
        ),
        migrations.AddConstraint(
            "staffaccount",
            models.CheckConstraint(
                condition=models.Q(("roblox_id", None), ("same_as", None), _connector="OR"),
                name="staff_accounts_linked_locals",
            ),
        ),
        migrations.RunSQL(SQL, BACK),
    ]
