import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from lims.audit import sql


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0003_seals"),
        ("signatures", "0002_triggers"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="signature",
            name="software_version",
            field=models.CharField(blank=True, default="", max_length=32),
        ),
        migrations.AddField(
            model_name="signature",
            name="statement_sha256",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
        migrations.AddField(
            model_name="signature",
            name="time_zone",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
        migrations.CreateModel(
            name="Refusal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("full_name", models.CharField(max_length=120)),
                ("username", models.CharField(max_length=64)),
                ("role", models.CharField(max_length=24)),
                ("meaning", models.CharField(max_length=24)),
                ("subject", models.CharField(max_length=120)),
                ("covers", models.CharField(max_length=200)),
                ("reason", models.TextField()),
                ("manifest_sha256", models.CharField(max_length=64)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                (
                    "operation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="refusal", to="audit.operation"
                    ),
                ),
                (
                    "refuser",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["subject", "id"], name="refusal_by_subject")],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("reason__regex", "\\S")), name="refusal_says_why")
                ],
            },
        ),
        sql.stamped("signatures_refusal", "at"),
        sql.track("signatures_refusal"),
        sql.append_only("signatures_refusal"),
    ]
