from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("oversight", "0007_alarm_of_access_review"),
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
                    ("access_review", "Access review overdue"),
                    ("restated", "Released batch restated"),
                    ("another_identity", "Another identity"),
                    ("trail_broken", "Audit trail does not verify"),
                    ("licence_exceeded", "Above the licence"),
                    ("instrument_due", "Instrument overdue or failed"),
                    ("timer_missed", "Timer not stopped"),
                    ("expired_in_use", "Expired while in use"),
                ],
                max_length=20,
            ),
        ),
    ]
