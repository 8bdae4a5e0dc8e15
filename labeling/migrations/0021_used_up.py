from django.db import migrations, models

BEFORE = "('in_use', 'decay_storage'), ('decay_storage', 'cleared'), ('in_use', 'dispatched')"
# What is used up may be read or filled again, be put away for its decay, or leave the site.
USED_UP = ", ('in_use', 'used_up'), ('used_up', 'in_use'), ('used_up', 'decay_storage'), ('used_up', 'dispatched')"
GUARD = """
    CREATE OR REPLACE FUNCTION labeling_container_guard() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF (NEW.code, NEW.kind, NEW.batch_id, NEW.key, NEW.lot_id, NEW.opened_by_id)
         IS DISTINCT FROM (OLD.code, OLD.kind, OLD.batch_id, OLD.key, OLD.lot_id, OLD.opened_by_id) THEN
        RAISE EXCEPTION 'what container %% is does not change', OLD.code
          USING ERRCODE = 'integrity_constraint_violation';
      END IF;
      IF OLD.status = 'cleared' AND NEW IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'container %% is cleared, which is final', OLD.code
          USING ERRCODE = 'integrity_constraint_violation';
      END IF;
      IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN (
           %s) THEN
        RAISE EXCEPTION 'container %% cannot go from %% to %%', OLD.code, OLD.status, NEW.status
          USING ERRCODE = 'integrity_constraint_violation';
      END IF;
      IF NEW.status = 'cleared' AND OLD.status <> 'cleared' THEN
        PERFORM 1 FROM labeling_wastesurvey s JOIN labeling_decaystorage d USING (container_id)
          WHERE s.container_id = NEW.id AND s.outcome = 'pass' AND s.measured_at >= d.earliest_release_at
            AND clock_timestamp() >= d.earliest_release_at;
        IF NOT FOUND THEN
          RAISE EXCEPTION 'container %% has no survey that clears it', OLD.code
            USING ERRCODE = 'integrity_constraint_violation';
        END IF;
      END IF;
      IF NEW.status = 'dispatched' AND OLD.status <> 'dispatched' THEN
        PERFORM 1 FROM labeling_dispatch WHERE vessel_id = NEW.id AND whole;
        IF NOT FOUND THEN
          RAISE EXCEPTION 'nobody has signed that container %% was handed over', OLD.code
            USING ERRCODE = 'integrity_constraint_violation';
        END IF;
      END IF;
      RETURN NEW;
    END $$;
    """


class Migration(migrations.Migration):
    dependencies = [("labeling", "0020_codes")]

    operations = [
        migrations.AlterField(
            model_name="container",
            name="status",
            field=models.CharField(
                choices=[
                    ("in_use", "In use"),
                    ("used_up", "Used up"),
                    ("decay_storage", "In decay storage"),
                    ("cleared", "Cleared"),
                    ("dispatched", "Handed over"),
                ],
                default="in_use",
                max_length=16,
            ),
        ),
        migrations.RunSQL(GUARD % (BEFORE + USED_UP), GUARD % BEFORE),
    ]
