from django.db import migrations

from lims.audit import sql


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_security_keys"), ("people", "0002_access_review")]
    operations = [
        sql.track("accounts_securitykey"),
        sql.never_deleted("accounts_securitykey"),
    ]
