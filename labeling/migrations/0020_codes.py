from django.db import migrations, models

from lims.audit import sql

BEARERS = (
    ("container", "code", "container"),
    ("lot", "number", "lot"),
    ("batch", "number", "batch"),
    ("equipment", "code", "instrument"),
    ("checksource", "code", "source"),
)
# The vial of a lot bears the number of its lot: they are one thing to whoever scans it.
OWN = {"container": "lot_id IS NULL"}

# Race: two people give one code to two things; the second insertion waits here for the first and meets its key.
# The function runs as its owner: nobody else writes a code, and what bears it is in the trail.
TAKEN = migrations.RunSQL(
    """
    CREATE FUNCTION labeling_code_taken() RETURNS trigger LANGUAGE plpgsql
      SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    BEGIN
      INSERT INTO labeling_code (code, kind) VALUES (upper(to_jsonb(NEW) ->> TG_ARGV[0]), TG_ARGV[1]);
      RETURN NULL;
    END $$;
    """  # noqa: S608 - fixed words
    + "".join(
        f"INSERT INTO labeling_code (code, kind) SELECT upper({column}), '{kind}' FROM labeling_{table}"  # noqa: S608
        f" WHERE {OWN.get(table, 'true')} ON CONFLICT DO NOTHING;"
        for table, column, kind in BEARERS
    )
    + "".join(
        f"CREATE TRIGGER labeling_{table}_code_taken AFTER INSERT ON labeling_{table} FOR EACH ROW"
        + (f" WHEN (NEW.{OWN[table]})" if table in OWN else "")
        + f" EXECUTE FUNCTION labeling_code_taken('{column}', '{kind}');"
        for table, column, kind in BEARERS
    )
    + "REVOKE INSERT ON labeling_code FROM lims_app;",
    "".join(f"DROP TRIGGER labeling_{table}_code_taken ON labeling_{table};" for table, _, _ in BEARERS)
    + "DROP FUNCTION labeling_code_taken();",
)


class Migration(migrations.Migration):
    dependencies = [("audit", "0004_ways_around"), ("labeling", "0019_handed_over")]

    operations = [
        migrations.CreateModel(
            name="Code",
            fields=[
                ("code", models.CharField(max_length=128, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("container", "a container"),
                            ("lot", "a lot"),
                            ("batch", "a batch"),
                            ("instrument", "an instrument"),
                            ("source", "a check source"),
                        ],
                        max_length=10,
                    ),
                ),
            ],
        ),
        TAKEN,
        sql.append_only("labeling_code"),
    ]
