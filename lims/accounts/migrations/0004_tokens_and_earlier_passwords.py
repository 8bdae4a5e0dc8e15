import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_factors_and_signing"),
    ]

    operations = [
        migrations.AddField(
            model_name="token",
            name="address",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
        migrations.AddField(
            model_name="token",
            name="factors",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
        migrations.AddField(
            model_name="token",
            name="scopes",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=16), default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="token",
            name="used_at",
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
        ),
        migrations.AlterField(
            model_name="accessevent",
            name="kind",
            field=models.CharField(
                choices=[
                    ("signed_in", "signed in"),
                    ("sign_in_refused", "sign-in refused"),
                    ("signed_out", "signed out"),
                    ("timed_out", "timed out"),
                    ("locked", "locked out"),
                    ("signing_refused", "signing refused"),
                    ("token_issued", "token issued"),
                    ("token_ended", "token ended"),
                ],
                max_length=20,
            ),
        ),
        migrations.CreateModel(
            name="EarlierPassword",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("encoded", models.CharField(max_length=256)),
                ("until", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="earlier_passwords",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
    ]
