from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("records", "0003_printed_protocols"),
    ]

    operations = [
        migrations.AlterField(
            model_name="document",
            name="kind",
            field=models.CharField(
                choices=[
                    ("batch_record", "Batch record"),
                    ("master_record", "Master record"),
                    ("blank_worksheet", "Blank worksheet"),
                    ("audit_trail", "Audit trail"),
                    ("inspection_package", "Inspection package"),
                ],
                max_length=32,
            ),
        ),
        migrations.AddField(
            model_name="document",
            name="size",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.functions.Length("pdf"),
                output_field=models.IntegerField(null=True),
            ),
        ),
    ]
