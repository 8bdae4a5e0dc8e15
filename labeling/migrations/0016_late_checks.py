from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("labeling", "0015_failed_after_release"),
    ]

    operations = [
        migrations.AddField(
            model_name="equipmentcheck",
            name="late",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="equipmentcheck",
            name="reason",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddConstraint(
            model_name="equipmentcheck",
            constraint=models.CheckConstraint(
                condition=models.Q(("late", False), ("reason__regex", "\\S"), _connector="OR"),
                name="late_check_says_why",
            ),
        ),
    ]
