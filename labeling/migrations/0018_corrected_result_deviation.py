from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labeling", "0017_restated_readings")]
    operations = [
        migrations.AlterField(
            model_name="deviation",
            name="kind",
            field=models.CharField(
                choices=[
                    ("out_of_range", "Value outside its range"),
                    ("timer", "Timer outside its limits"),
                    ("action_limit", "Result beyond its action limit"),
                    ("identity", "Cells of another identity"),
                    ("not_computed", "Result that could not be computed"),
                    ("activity_balance", "Activity that is not accounted for"),
                    ("by_hand", "Reported by a person"),
                    ("instrument", "Reading on an instrument that was not in order"),
                    ("restated", "Verdict moved by restating"),
                    ("after_release", "Test that failed after release"),
                    ("result_corrected", "Failing test result that was corrected"),
                ],
                max_length=16,
            ),
        ),
    ]
