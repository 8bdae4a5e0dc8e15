from django.db import migrations

from lims.audit import sql

CHANGING = ["batch", "deviation", "equipment", "lot", "protocolversion", "specificationversion"]
ADDED_ONLY = ["calibration", "entry", "equipmentcheck", "result", "timerevent", "verification"]


class Migration(migrations.Migration):
    dependencies = [("labeling", "0001_initial"), ("audit", "0002_triggers")]
    operations = [
        *(sql.track(f"labeling_{table}") for table in [*CHANGING, *ADDED_ONLY]),
        *(sql.never_deleted(f"labeling_{table}") for table in CHANGING),
        *(sql.append_only(f"labeling_{table}") for table in ADDED_ONLY),
        # A version is edited by importing another one: after its import only its status and signatures move.
        migrations.RunSQL(
            """
            CREATE FUNCTION labeling_version_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              IF (NEW.code, NEW.number, NEW.text, NEW.sha256, NEW.title, NEW.imported_by_id, NEW.imported_at)
                 IS DISTINCT FROM
                 (OLD.code, OLD.number, OLD.text, OLD.sha256, OLD.title, OLD.imported_by_id, OLD.imported_at) THEN
                RAISE EXCEPTION 'the text of % % is immutable', TG_TABLE_NAME, OLD.id
                  USING ERRCODE = 'integrity_constraint_violation';
              END IF;
              RETURN NEW;
            END $$;
            CREATE TRIGGER labeling_protocolversion_immutable BEFORE UPDATE ON labeling_protocolversion
              FOR EACH ROW EXECUTE FUNCTION labeling_version_is_immutable();
            CREATE TRIGGER labeling_specificationversion_immutable BEFORE UPDATE ON labeling_specificationversion
              FOR EACH ROW EXECUTE FUNCTION labeling_version_is_immutable();
            """,
            """
            DROP TRIGGER labeling_protocolversion_immutable ON labeling_protocolversion;
            DROP TRIGGER labeling_specificationversion_immutable ON labeling_specificationversion;
            DROP FUNCTION labeling_version_is_immutable();
            """,
        ),
    ]
