from django.db import migrations, models

# The role in which somebody acted is what the database knows of them; the server's role could name another.
ROLE = """
CREATE FUNCTION audit_stamp_role() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  SELECT left(array_to_string(roles, ', '), 120) INTO NEW.role FROM accounts_user WHERE id = NEW.actor_id;
  IF NEW.action = '' OR NEW.source NOT IN ('page', 'rest', 'task', 'command') THEN
    RAISE EXCEPTION 'an operation says what is done and where it comes from'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER audit_operation_role BEFORE INSERT ON audit_operation
  FOR EACH ROW EXECUTE FUNCTION audit_stamp_role();
"""
DROP_ROLE = "DROP TRIGGER audit_operation_role ON audit_operation; DROP FUNCTION audit_stamp_role();"

# The first answer to a request stays the answer; what is repeated later must not hear another one.
ANSWERS = """
CREATE FUNCTION audit_submission_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.status IS NOT NULL OR NEW.answer IS NOT NULL THEN
      RAISE EXCEPTION 'a submission begins without an answer' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
  END IF;
  IF OLD.status IS NOT NULL THEN
    RAISE EXCEPTION 'the first answer to a request stays' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  IF (NEW.id, NEW.user_id, NEW.key, NEW.request_sha256)
       IS DISTINCT FROM (OLD.id, OLD.user_id, OLD.key, OLD.request_sha256) THEN
    RAISE EXCEPTION 'what was asked does not change' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER audit_submission_guard BEFORE INSERT OR UPDATE OR DELETE ON audit_submission
  FOR EACH ROW EXECUTE FUNCTION audit_submission_guard();
REVOKE TRUNCATE ON audit_submission FROM lims_app;
"""
DROP_ANSWERS = "DROP TRIGGER audit_submission_guard ON audit_submission; DROP FUNCTION audit_submission_guard();"

# Rows are written as JSON in the time zone of the session: one zone, whoever writes, so that they can be compared.
ZONE = "ALTER FUNCTION audit_capture() SET timezone = 'UTC';"
NO_ZONE = "ALTER FUNCTION audit_capture() RESET timezone;"
# What the trail of the site is looked through by.
INDEXES = [
    ("operation", "operation_by_actor", ["actor", "id"]),
    ("operation", "operation_by_action", ["action", "id"]),
    ("operation", "operation_by_instant", ["at", "id"]),
    ("change", "change_by_table", ["table_name", "operation"]),
]


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_seals"), ("accounts", "0003_factors_and_signing")]
    operations = [
        migrations.RunSQL(ROLE, DROP_ROLE),
        migrations.RunSQL(ANSWERS, DROP_ANSWERS),
        migrations.RunSQL(ZONE, NO_ZONE),
        migrations.AddIndex(
            "operation",
            models.Index(fields=["action", "id"], condition=~models.Q(reason=""), name="operation_explained"),
        ),
        *(migrations.AddIndex(model, models.Index(fields=fields, name=name)) for model, name, fields in INDEXES),
    ]
