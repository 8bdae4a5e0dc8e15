from django.db import migrations

from lims.audit import sql


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_triggers"), ("accounts", "0003_factors_and_signing")]
    operations = [
        sql.track("accounts_identitycheck"),
        sql.append_only("accounts_identitycheck"),
        sql.track("accounts_acceptance"),
        sql.append_only("accounts_acceptance"),
    ]
