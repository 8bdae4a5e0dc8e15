from django.db import migrations

from lims.audit import sql

TABLES = ["oversight_auditreview", "oversight_alarm", "oversight_acknowledgement"]


class Migration(migrations.Migration):
    dependencies = [("oversight", "0001_initial"), ("audit", "0002_triggers")]
    operations = [
        *(sql.track(table) for table in TABLES),
        *(sql.append_only(table) for table in TABLES),
    ]
