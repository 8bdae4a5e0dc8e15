from django.db import migrations

from lims.audit import sql


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial"), ("accounts", "0002_system_user")]
    operations = [
        migrations.RunSQL(sql.FUNCTIONS, sql.DROP_FUNCTIONS),
        migrations.RunSQL(
            "CREATE TRIGGER audit_operation_now BEFORE INSERT ON audit_operation"
            " FOR EACH ROW EXECUTE FUNCTION audit_operation_is_now();",
            "DROP TRIGGER audit_operation_now ON audit_operation;",
        ),
        sql.stamped("accounts_accessevent", "at"),
        sql.append_only("audit_operation"),
        sql.append_only("audit_change"),
        # Changes are written by the trigger alone, as the owner of its function.
        migrations.RunSQL("REVOKE INSERT ON audit_change FROM lims_app", "GRANT INSERT ON audit_change TO lims_app"),
        sql.append_only("accounts_accessevent"),
        sql.track("accounts_user"),
        sql.never_deleted("accounts_user"),
    ]
