from django.db import migrations

from lims.audit import sql

TABLES = ["testresult", "review", "investigation"]


class Migration(migrations.Migration):
    dependencies = [("qc", "0001_initial"), ("audit", "0002_triggers")]
    operations = [
        sql.stamped("qc_testresult", "recorded_at"),
        *(sql.track(f"qc_{table}") for table in TABLES),
        *(sql.append_only(f"qc_{table}") for table in TABLES),
    ]
