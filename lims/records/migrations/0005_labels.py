from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("records", "0004_inspection_packages"),
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
                    ("label", "Label"),
                    ("inspection_package", "Inspection package"),
                ],
                max_length=32,
            ),
        ),
    ]
