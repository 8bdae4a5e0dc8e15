import django.db.models.deletion
from django.db import migrations, models

# What containers were before there was a handing over of them, with the one way more out of use: a signed one.
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
           ('in_use', 'decay_storage'), ('decay_storage', 'cleared')%s) THEN
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
      END IF;%s
      RETURN NEW;
    END $$;
    """
SIGNED = """
      IF NEW.status = 'dispatched' AND OLD.status <> 'dispatched' THEN
        PERFORM 1 FROM labeling_dispatch WHERE vessel_id = NEW.id AND whole;
        IF NOT FOUND THEN
          RAISE EXCEPTION 'nobody has signed that container % was handed over', OLD.code
            USING ERRCODE = 'integrity_constraint_violation';
        END IF;
      END IF;"""


class Migration(migrations.Migration):
    dependencies = [("labeling", "0018_corrected_result_deviation")]

    operations = [
        migrations.AlterField(
            model_name="container",
            name="status",
            field=models.CharField(
                choices=[
                    ("in_use", "In use"),
                    ("decay_storage", "In decay storage"),
                    ("cleared", "Cleared"),
                    ("dispatched", "Handed over"),
                ],
                default="in_use",
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="dispatch",
            name="vessel",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="dispatches",
                to="labeling.container",
            ),
        ),
        migrations.AddField(
            model_name="dispatch",
            name="event",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="dispatch",
                to="labeling.containerevent",
            ),
        ),
        migrations.AddField(model_name="dispatch", name="whole", field=models.BooleanField(default=True)),
        migrations.AddConstraint(
            model_name="dispatch",
            constraint=models.UniqueConstraint(
                condition=models.Q(("vessel__isnull", False), ("whole", True)),
                fields=("vessel",),
                name="container_handed_over_once",
            ),
        ),
        migrations.RunSQL(GUARD % (", ('in_use', 'dispatched')", SIGNED), GUARD % ("", "")),
    ]
