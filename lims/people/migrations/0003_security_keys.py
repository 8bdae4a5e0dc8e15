from django.db import migrations

from lims.audit import sql

# The count is outside the trail, because it goes up at a sign-in: so the database itself lets it go up alone.
COUNTS_UP = """
CREATE FUNCTION accounts_securitykeyuse_counts_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.sign_count < OLD.sign_count OR (NEW.id, NEW.key_id) IS DISTINCT FROM (OLD.id, OLD.key_id) THEN
    RAISE EXCEPTION 'a security key counts up alone' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER accounts_securitykeyuse_counts_up BEFORE UPDATE ON accounts_securitykeyuse
  FOR EACH ROW EXECUTE FUNCTION accounts_securitykeyuse_counts_up();
CREATE TRIGGER accounts_securitykeyuse_no_truncate BEFORE TRUNCATE ON accounts_securitykeyuse
  FOR EACH STATEMENT EXECUTE FUNCTION audit_forbid();
REVOKE TRUNCATE ON accounts_securitykeyuse FROM lims_app;
"""
COUNTS = """
DROP TRIGGER accounts_securitykeyuse_no_truncate ON accounts_securitykeyuse;
DROP TRIGGER accounts_securitykeyuse_counts_up ON accounts_securitykeyuse;
DROP FUNCTION accounts_securitykeyuse_counts_up();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_security_keys"), ("people", "0002_access_review")]
    operations = [
        sql.track("accounts_securitykey"),
        sql.never_deleted("accounts_securitykey"),
        migrations.RunSQL(COUNTS_UP, COUNTS),
        sql.never_deleted("accounts_securitykeyuse"),
    ]
