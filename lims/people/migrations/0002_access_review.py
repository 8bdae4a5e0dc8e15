import django.db.models.deletion
from django.db import migrations, models

from lims.audit import sql


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0004_ways_around"),
        ("people", "0001_triggers"),
        ("signatures", "0003_statement_and_refusal"),
    ]

    operations = [
        migrations.CreateModel(
            name="AccessReview",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("listed", models.JSONField()),
                ("conclusion", models.TextField()),
                (
                    "signature",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="access_review",
                        to="signatures.signature",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("conclusion__regex", "\\S")), name="access_review_concludes"
                    )
                ],
            },
        ),
        sql.track("people_accessreview"),
        sql.append_only("people_accessreview"),
    ]
