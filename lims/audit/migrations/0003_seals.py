from django.conf import settings
from django.db import migrations, models

from lims.audit import sql

# Which transaction of which server an operation belongs to, and when it began, is said by PostgreSQL alone: the
# server's role could name a transaction that was sealed before, or one to come.
STAMP = """
CREATE FUNCTION audit_stamp() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  NEW.txid := txid_current();
  NEW.cluster := (pg_control_system()).system_identifier;
  NEW.at := statement_timestamp();
  RETURN NEW;
END $$;
CREATE TRIGGER audit_operation_stamp BEFORE INSERT ON audit_operation
  FOR EACH ROW EXECUTE FUNCTION audit_stamp();
"""
DROP_STAMP = "DROP TRIGGER audit_operation_stamp ON audit_operation; DROP FUNCTION audit_stamp();"


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0002_triggers"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Block",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("form", models.SmallIntegerField()),
                ("cluster", models.BigIntegerField()),
                ("from_txid", models.BigIntegerField()),
                ("until_txid", models.BigIntegerField()),
                ("operations", models.IntegerField()),
                ("changes", models.IntegerField()),
                ("leaves", models.BinaryField()),
                ("root", models.CharField(max_length=64)),
                ("previous_hash", models.CharField(max_length=64)),
                ("key", models.CharField(max_length=16)),
                ("sealed_at", models.DateTimeField()),
                ("hash", models.CharField(max_length=64)),
                ("mac", models.CharField(max_length=64)),
            ],
        ),
        migrations.AddField(
            model_name="operation",
            name="cluster",
            field=models.BigIntegerField(
                db_default=models.Func(
                    output_field=models.BigIntegerField(), template="(pg_control_system()).system_identifier"
                ),
                editable=False,
            ),
        ),
        migrations.AddIndex(
            model_name="operation",
            index=models.Index(fields=["cluster", "txid", "id"], name="operation_by_transaction"),
        ),
        migrations.AddIndex(
            model_name="block",
            index=models.Index(fields=["cluster", "-number"], name="block_by_cluster"),
        ),
        migrations.AddConstraint(
            model_name="block",
            constraint=models.CheckConstraint(
                condition=models.Q(("number__gt", 0), ("operations__gt", 0), ("until_txid__gt", models.F("from_txid"))),
                name="block_covers_something",
            ),
        ),
        migrations.AddConstraint(
            model_name="block",
            constraint=models.UniqueConstraint(fields=("previous_hash",), name="block_chain_has_no_fork"),
        ),
        migrations.RunSQL(STAMP, DROP_STAMP),
        sql.append_only("audit_block"),
    ]
