from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("oversight", "0005_restated"),
    ]

    operations = [
        migrations.AlterField(
            model_name="alarm",
            name="kind",
            field=models.CharField(
                choices=[
                    ("lockout", "Account locked"),
                    ("clock", "Clock"),
                    ("instrument_clock", "Clock of an instrument"),
                    ("check_failed", "Instrument check failed"),
                    ("not_printed", "Record not printed"),
                    ("demo_accounts", "Demo accounts in production"),
                    ("restated", "Released batch restated"),
                    ("another_identity", "Another identity"),
                    ("trail_broken", "Audit trail does not verify"),
                ],
                max_length=20,
            ),
        ),
    ]
