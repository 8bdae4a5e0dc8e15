"""What was allowed in spite of the state of an instrument, and what was restated afterwards. Append-only."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from labeling.models.batches import Batch
from labeling.models.containers import ContainerEvent
from labeling.models.equipment import Equipment
from labeling.models.materials import Lot
from lims.audit.models import Operation
from lims.signatures.models import Signature


class UncheckedUse(models.Model):
    """A second person has allowed one reading on an instrument that is not in order, for the reason they signed."""

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="unchecked_uses")
    step = models.CharField(max_length=64)
    field = models.CharField(max_length=64)
    equipment = models.ForeignKey(Equipment, on_delete=models.PROTECT, related_name="unchecked_uses")
    why = models.TextField()
    signature = models.ForeignKey(Signature, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)


class Restatement(models.Model):
    """Readings of an instrument in a period are multiplied by another factor, or brought to another dial setting.

    `batches` are the numbers of those that have such readings, as the signer was shown them. Each gets a reevaluation.
    """

    equipment = models.ForeignKey(Equipment, on_delete=models.PROTECT, related_name="restatements")
    nuclide = models.CharField(max_length=16, blank=True)
    since = models.DateTimeField()
    until = models.DateTimeField()
    factor = models.CharField(max_length=24)
    relative_u_percent = models.CharField(max_length=24, blank=True)
    setting_used = models.CharField(max_length=24, blank=True)
    setting_correct = models.CharField(max_length=24, blank=True)
    certificate = models.CharField(max_length=120)
    batches = models.JSONField()
    signature = models.ForeignKey(Signature, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="restatement_has_a_period", condition=Q(until__gt=F("since"))),
        ]


class Reevaluation(models.Model):
    """The results and verdicts of one batch as they were and as they come out restated; the originals stay.

    A batch in progress is `recomputed` as well: its results go on from the restated readings.
    """

    restatement = models.ForeignKey(Restatement, on_delete=models.PROTECT, related_name="reevaluations")
    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="reevaluations")
    results = models.JSONField()
    tests = models.JSONField()
    verdict_moved = models.BooleanField()
    recomputed = models.BooleanField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    operation = models.ForeignKey(Operation, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["restatement", "batch"], name="reevaluated_once"),
        ]


class RestatedReading(models.Model):
    """The reading of a lot on arrival, or of a container, before and after; what was recorded stays. Append-only."""

    restatement = models.ForeignKey(Restatement, on_delete=models.PROTECT, related_name="readings")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="restated", null=True)
    event = models.ForeignKey(ContainerEvent, on_delete=models.PROTECT, related_name="restated", null=True)
    reading = models.JSONField()
    verdict_moved = models.BooleanField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    operation = models.ForeignKey(Operation, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="restated_reading_of_one_thing",
                condition=Q(lot__isnull=False, event=None) | Q(lot=None, event__isnull=False),
            ),
            models.UniqueConstraint(fields=["restatement", "lot"], name="lot_restated_once"),
            models.UniqueConstraint(fields=["restatement", "event"], name="event_restated_once"),
        ]
