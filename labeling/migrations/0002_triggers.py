from django.db import migrations

from lims.audit import sql

CHANGING = ["batch", "deviation", "equipment", "lot", "protocolversion", "specificationversion"]
ADDED_ONLY = ["calibration", "entry", "equipmentcheck", "result", "timerevent", "verification"]
STAMPED = [
    *((table, "recorded_at") for table in ("entry", "timerevent", "equipmentcheck", "calibration", "lot")),
    ("result", "computed_at"),
    ("deviation", "opened_at"),
]

# The table of statuses stands in labeling.domain.lifecycle; the database holds the same against every client.
GUARD_BATCH = migrations.RunSQL(
    """
    CREATE FUNCTION labeling_batch_guard() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF OLD.status IN ('released', 'rejected') AND NEW IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'batch % is %, which is final', OLD.number, OLD.status
          USING ERRCODE = 'integrity_constraint_violation';
      END IF;
      IF (NEW.number, NEW.protocol_version_id, NEW.specification_version_id, NEW.identity, NEW.planned_by_id)
         IS DISTINCT FROM
         (OLD.number, OLD.protocol_version_id, OLD.specification_version_id, OLD.identity, OLD.planned_by_id) THEN
        RAISE EXCEPTION 'what batch % is does not change', OLD.number
          USING ERRCODE = 'integrity_constraint_violation';
      END IF;
      IF NEW.status <> OLD.status AND (OLD.status, NEW.status) IN (
           ('planned', 'quarantine'), ('planned', 'on_hold'), ('planned', 'released'), ('in_progress', 'planned'),
           ('in_progress', 'on_hold'), ('in_progress', 'released'), ('quarantine', 'planned'),
           ('quarantine', 'in_progress'), ('on_hold', 'planned'), ('on_hold', 'in_progress'), ('on_hold', 'released')
         ) THEN
        RAISE EXCEPTION 'batch % cannot go from % to %', OLD.number, OLD.status, NEW.status
          USING ERRCODE = 'integrity_constraint_violation';
      END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER labeling_batch_guard BEFORE UPDATE ON labeling_batch
      FOR EACH ROW EXECUTE FUNCTION labeling_batch_guard();
    """,
    "DROP TRIGGER labeling_batch_guard ON labeling_batch; DROP FUNCTION labeling_batch_guard();",
)
RECORDING = ["entry", "timerevent", "verification"]
GUARD_RECORDING = migrations.RunSQL(
    """
    CREATE FUNCTION labeling_batch_in_progress() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM 1 FROM labeling_batch WHERE id = NEW.batch_id AND status = 'in_progress';
      IF NOT FOUND THEN
        RAISE EXCEPTION 'nothing is recorded in batch %, which is not in progress', NEW.batch_id
          USING ERRCODE = 'integrity_constraint_violation';
      END IF;
      RETURN NEW;
    END $$;
    """
    + "".join(
        f"CREATE TRIGGER labeling_{table}_in_progress BEFORE INSERT ON labeling_{table}"
        " FOR EACH ROW EXECUTE FUNCTION labeling_batch_in_progress();"
        for table in RECORDING
    ),
    "".join(f"DROP TRIGGER labeling_{table}_in_progress ON labeling_{table};" for table in RECORDING)
    + "DROP FUNCTION labeling_batch_in_progress();",
)


class Migration(migrations.Migration):
    dependencies = [("labeling", "0001_initial"), ("audit", "0002_triggers")]
    operations = [
        *(sql.track(f"labeling_{table}") for table in [*CHANGING, *ADDED_ONLY]),
        *(sql.never_deleted(f"labeling_{table}") for table in CHANGING),
        *(sql.append_only(f"labeling_{table}") for table in ADDED_ONLY),
        *(sql.stamped(f"labeling_{table}", column) for table, column in STAMPED),
        GUARD_BATCH,
        GUARD_RECORDING,
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
