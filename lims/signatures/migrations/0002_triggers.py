from django.db import migrations

from lims.audit import sql


class Migration(migrations.Migration):
    dependencies = [("signatures", "0001_initial"), ("audit", "0002_triggers")]
    operations = [
        sql.stamped("signatures_signature", "at"),
        sql.track("signatures_signature"),
        sql.append_only("signatures_signature"),
    ]
