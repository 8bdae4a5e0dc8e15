"""What holds activity: its first content, readings and transfers. Events are only ever added; the newest counts."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from labeling.models.batches import Batch, Entry
from labeling.models.equipment import Equipment
from labeling.models.materials import Lot
from lims.accounts.models import User
from lims.audit.models import Operation
from lims.signatures.models import Signature


class Container(models.Model):
    """A vial, a syringe, a cell suspension, a waste bin.

    `content` and its fellows are the end of the ledger (Bq and L), kept so that a whole site is added up at once; the
    events are the record.
    """

    class Kind(models.TextChoices):
        VIAL = "vial", "Vial"
        SYRINGE = "syringe", "Syringe"
        SUSPENSION = "suspension", "Cell suspension"
        SUPERNATANT = "supernatant", "Supernatant"
        WASH = "wash", "Wash"
        WASTE = "waste", "Waste bin"
        FILTER = "filter", "Filter"
        SAMPLE = "sample", "Sample"

    class Status(models.TextChoices):
        IN_USE = "in_use", "In use"
        USED_UP = "used_up", "Used up"
        DECAY_STORAGE = "decay_storage", "In decay storage"
        CLEARED = "cleared", "Cleared"
        DISPATCHED = "dispatched", "Handed over"

    code = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=12, choices=Kind)
    name = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=16, choices=Status, default=Status.IN_USE)
    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="containers", null=True)
    key = models.CharField(max_length=64, blank=True)
    product = models.BooleanField(default=False)
    lot = models.OneToOneField(Lot, on_delete=models.PROTECT, related_name="container", null=True)
    nuclide = models.CharField(max_length=16, blank=True)
    half_life = models.FloatField(null=True)  # in s, of the protocol version or as the site had it in use
    half_life_u = models.FloatField(null=True)
    opened_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    content = models.FloatField(null=True)
    content_u = models.FloatField(null=True)
    content_at = models.DateTimeField(null=True)
    content_volume = models.FloatField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["status", "-id"], name="container_by_status")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["batch", "key"], condition=~Q(key=""), name="container_key_once"),
            models.CheckConstraint(
                name="container_never_holds_less_than_nothing",
                condition=(Q(content=None) | Q(content__gte=0)) & (Q(content_volume=None) | Q(content_volume__gte=0)),
            ),
        ]

    def __str__(self) -> str:
        return self.code


class ContainerEvent(models.Model):
    """A first content, a reading, or what went from one container to another. Append-only.

    Amounts are decimal text in MBq and mL, as measured or, where `rest` is what was read, as reckoned from it.
    """

    class Kind(models.TextChoices):
        OPENING = "opening", "First content"
        READING = "reading", "Reading"
        TRANSFER = "transfer", "Transfer"
        RESIDUE = "residue", "Transfer but for a residue"
        REMOVAL = "removal", "Removed from the site"

    kind = models.CharField(max_length=8, choices=Kind)
    source = models.ForeignKey(Container, on_delete=models.PROTECT, related_name="going_out", null=True)
    target = models.ForeignKey(Container, on_delete=models.PROTECT, related_name="coming_in", null=True)
    activity = models.CharField(max_length=40, null=True)
    u = models.CharField(max_length=40, null=True)
    rest = models.CharField(max_length=40, null=True)
    rest_u = models.CharField(max_length=40, null=True)
    volume = models.CharField(max_length=40, null=True)
    typed = models.CharField(max_length=80, blank=True)
    measured_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    equipment = models.ForeignKey(Equipment, on_delete=models.PROTECT, related_name="+", null=True)
    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="container_events", null=True)
    reference = models.CharField(max_length=130, blank=True)
    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="container_events", null=True)
    corrects = models.OneToOneField("self", on_delete=models.PROTECT, related_name="corrected_by", null=True)
    reason = models.TextField(blank=True)
    operation = models.ForeignKey(Operation, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["batch", "reference"], condition=Q(corrects=None, batch__isnull=False), name="event_first_once"
            ),
            models.CheckConstraint(
                name="event_has_a_container", condition=Q(source__isnull=False) | Q(target__isnull=False)
            ),
            models.CheckConstraint(
                name="event_between_two_containers",
                condition=Q(source=None) | Q(target=None) | ~Q(source=F("target")),
            ),
            models.CheckConstraint(
                name="event_correction_says_why", condition=Q(corrects=None) | Q(entry__isnull=False) | ~Q(reason="")
            ),
        ]


class DecayStorage(models.Model):
    """A container put away until it has decayed. Append-only."""

    container = models.OneToOneField(Container, on_delete=models.PROTECT, related_name="decay_storage")
    place = models.CharField(max_length=200)
    stored_at = models.DateTimeField()
    activity = models.CharField(max_length=40, null=True)  # MBq, at `stored_at`
    u = models.CharField(max_length=40, null=True)
    limit = models.JSONField(null=True)  # the clearance limit as stated, {"value", "unit"}; none: ten half-lives
    limit_source = models.TextField(blank=True)
    earliest_release_at = models.DateTimeField()
    stored_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)


class WasteSurvey(models.Model):
    """A survey of stored waste, signed by radiation safety; one that passed clears it. Append-only."""

    class Outcome(models.TextChoices):
        PASS = "pass", "Not told from background"
        FAIL = "fail", "Above background"

    container = models.ForeignKey(Container, on_delete=models.PROTECT, related_name="surveys")
    measured_at = models.DateTimeField()
    equipment = models.ForeignKey(Equipment, on_delete=models.PROTECT, related_name="+")
    background = models.CharField(max_length=40)
    reading = models.CharField(max_length=40)
    unit = models.CharField(max_length=24)
    outcome = models.CharField(max_length=4, choices=Outcome)
    label_defaced = models.BooleanField(default=False)
    note = models.TextField(blank=True)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    signature = models.ForeignKey(Signature, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="survey_clears_with_its_label_defaced", condition=Q(outcome="fail") | Q(label_defaced=True)
            ),
        ]
