import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("qc", "0003_result_instrument")]
    operations = [
        migrations.AddField(
            model_name="testresult",
            name="corrects",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="corrected_by",
                to="qc.testresult",
            ),
        ),
        migrations.AddField(
            model_name="testresult",
            name="reason",
            field=models.TextField(blank=True, default=""),
        ),
    ]
