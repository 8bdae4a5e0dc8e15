from django.db import migrations, models

from lims.accounts import sql

KINDS = [
    ("signed_in", "signed in"),
    ("sign_in_refused", "sign-in refused"),
    ("signed_out", "signed out"),
    ("timed_out", "timed out"),
    ("locked", "locked out"),
    ("signing_refused", "signing refused"),
    ("token_issued", "token issued"),
    ("token_ended", "token ended"),
    ("untrained", "refused for want of training"),
    ("credential_written", "credential written outside an audited act"),
]


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_access_for_want_of_training"), ("audit", "0003_seals")]
    operations = [
        migrations.AlterField(
            model_name="accessevent", name="kind", field=models.CharField(choices=KINDS, max_length=20)
        ),
        sql.note_credentials(),
    ]
