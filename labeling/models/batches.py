"""A batch and what was recorded of it. Entries, timers, results and verifications are only ever added."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from labeling.domain.deviations import Cause, Conclusion, DeviationClass
from labeling.domain.lifecycle import BatchStatus
from labeling.models.controlled import ProtocolVersion, SpecificationVersion
from labeling.models.equipment import Equipment
from labeling.models.materials import Lot
from lims.accounts.models import User
from lims.audit.models import Operation
from lims.signatures.models import Signature

DISPOSED = [BatchStatus.RELEASED.value, BatchStatus.REJECTED.value]


class Batch(models.Model):
    """Made once from one protocol version, tested against one specification version."""

    number = models.CharField(max_length=32, unique=True)
    protocol_version = models.ForeignKey(ProtocolVersion, on_delete=models.PROTECT, related_name="batches")
    specification_version = models.ForeignKey(
        SpecificationVersion, on_delete=models.PROTECT, related_name="batches", null=True
    )
    identity = models.CharField(max_length=64, blank=True)
    status = models.CharField(
        max_length=12, choices=[(s.value, s.label) for s in BatchStatus], default=BatchStatus.PLANNED.value
    )
    planned_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    planned_at = models.DateTimeField(db_default=Now(), editable=False)
    started_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True)
    started_at = models.DateTimeField(null=True)
    start_recorded_at = models.DateTimeField(null=True)
    start_reason = models.TextField(blank=True)
    completion_signature = models.ForeignKey(Signature, on_delete=models.PROTECT, related_name="+", null=True)
    expires_at = models.DateTimeField(null=True)
    disposition_signature = models.ForeignKey(Signature, on_delete=models.PROTECT, related_name="+", null=True)
    disposed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["status", "-id"], name="batch_by_status")]
        constraints: ClassVar = [
            models.CheckConstraint(name="batch_status_known", condition=Q(status__in=[s.value for s in BatchStatus])),
            models.CheckConstraint(
                name="batch_start_has_a_time",
                condition=Q(status__in=[BatchStatus.PLANNED.value, BatchStatus.REJECTED.value])
                | Q(started_at__isnull=False, started_by__isnull=False),
            ),
            models.CheckConstraint(
                name="batch_completion_is_signed",
                condition=~Q(
                    status__in=[BatchStatus.QUARANTINE.value, BatchStatus.ON_HOLD.value, BatchStatus.RELEASED.value]
                )
                | Q(completion_signature__isnull=False),
            ),
            models.CheckConstraint(
                name="batch_disposition_is_signed",
                condition=~Q(status__in=DISPOSED) | Q(disposition_signature__isnull=False, disposed_by__isnull=False),
            ),
            models.CheckConstraint(
                name="batch_not_released_by_its_maker",
                condition=~Q(status=BatchStatus.RELEASED.value)
                | (~Q(disposed_by=F("started_by")) & ~Q(disposed_by=F("planned_by"))),
            ),
            models.CheckConstraint(
                name="batch_released_against_a_specification",
                condition=~Q(status=BatchStatus.RELEASED.value) | Q(specification_version__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.number


class Entry(models.Model):
    """One recorded value of one field of one step. Append-only: a correction is a new entry that names the old one."""

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="entries")
    step = models.CharField(max_length=64)
    field = models.CharField(max_length=64)
    typed = models.TextField()
    value = models.TextField()
    unit = models.CharField(max_length=24, blank=True)
    u = models.CharField(max_length=40, blank=True)  # standard uncertainty in `unit`, where one was stated
    measured_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    equipment = models.ForeignKey(Equipment, on_delete=models.PROTECT, related_name="+", null=True)
    setting = models.CharField(max_length=24, blank=True, default="", db_default="")  # the instrument's dial number
    geometry = models.CharField(max_length=64, blank=True, default="", db_default="")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="entries", null=True)
    source_batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="used_in", null=True)
    corrects = models.OneToOneField("self", on_delete=models.PROTECT, related_name="corrected_by", null=True)
    reason = models.TextField(blank=True)
    late = models.BooleanField(default=False)
    out_of_range = models.BooleanField(default=False)
    warnings = models.JSONField(default=list)
    operation = models.ForeignKey(Operation, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["batch", "step", "field"], condition=Q(corrects=None), name="entry_first_once"
            ),
            models.CheckConstraint(name="entry_says_why", condition=(Q(late=False) & Q(corrects=None)) | ~Q(reason="")),
        ]
        # The exceptions of the site are few among many: each is found without reading the others.
        indexes: ClassVar = [
            models.Index(fields=["operation"], condition=Q(late=True), name="entry_late"),
            models.Index(fields=["operation"], condition=Q(out_of_range=True), name="entry_out_of_range"),
        ]

    @property
    def reference(self) -> str:
        return f"{self.step}.{self.field}"


class TimerEvent(models.Model):
    """The start or the stop of a step's timer. Append-only."""

    class Event(models.TextChoices):
        START = "start"
        STOP = "stop"

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="timer_events")
    step = models.CharField(max_length=64)
    event = models.CharField(max_length=5, choices=Event)
    measured_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    late = models.BooleanField(default=False)
    reason = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["batch", "step", "event"], name="timer_event_once"),
            models.CheckConstraint(name="timer_event_says_why", condition=Q(late=False) | ~Q(reason="")),
        ]


class Verification(models.Model):
    """A second person's check of one entry, or (without an entry) of a whole step. Append-only."""

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="verifications")
    step = models.CharField(max_length=64)
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, related_name="verification", null=True)
    signature = models.ForeignKey(Signature, on_delete=models.PROTECT, related_name="+")


class Result(models.Model):
    """What a formula or expression of the protocol made of the entries. Never rounded; the newest counts."""

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="results")
    key = models.CharField(max_length=64)
    value = models.CharField(max_length=40, null=True)
    u = models.CharField(max_length=40, null=True)
    unit = models.CharField(max_length=24)
    at = models.DateTimeField(null=True)
    formula = models.CharField(max_length=64)
    version = models.CharField(max_length=16)
    worked = models.TextField()
    constants = models.JSONField()
    flags = models.JSONField()
    error = models.TextField(blank=True)
    limit_state = models.CharField(max_length=8)
    computed_at = models.DateTimeField(db_default=Now(), editable=False)
    operation = models.ForeignKey(Operation, on_delete=models.PROTECT, related_name="+")


class Deviation(models.Model):
    """A departure from the protocol. Open until a person has assessed it with a signature."""

    class Kind(models.TextChoices):
        OUT_OF_RANGE = "out_of_range", "Value outside its range"
        TIMER = "timer", "Timer outside its limits"
        ACTION_LIMIT = "action_limit", "Result beyond its action limit"
        IDENTITY = "identity", "Cells of another identity"
        NOT_COMPUTED = "not_computed", "Result that could not be computed"
        ACTIVITY_BALANCE = "activity_balance", "Activity that is not accounted for"
        BY_HAND = "by_hand", "Reported by a person"
        INSTRUMENT = "instrument", "Reading on an instrument that was not in order"
        RESTATED = "restated", "Verdict moved by restating"
        AFTER_RELEASE = "after_release", "Test that failed after release"
        RESULT_CORRECTED = "result_corrected", "Failing test result that was corrected"

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="deviations")
    step = models.CharField(max_length=64, blank=True)
    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="deviations", null=True)
    result_key = models.CharField(max_length=64, blank=True)
    kind = models.CharField(max_length=16, choices=Kind)
    severity = models.CharField(max_length=8, choices=[(c.value, c.value) for c in DeviationClass])  # as it was opened
    text = models.TextField()
    opened_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField(db_default=Now(), editable=False)
    assessment = models.TextField(blank=True)
    assessed_severity = models.CharField(max_length=8, blank=True, choices=[(c.value, c.value) for c in DeviationClass])
    conclusion = models.CharField(max_length=10, blank=True, choices=[(c.value, c.label) for c in Conclusion])
    impact = models.TextField(blank=True)
    cause = models.CharField(max_length=12, blank=True, choices=[(c.value, c.label) for c in Cause])
    root_cause = models.TextField(blank=True)
    assessment_signature = models.ForeignKey(Signature, on_delete=models.PROTECT, related_name="+", null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="deviation_assessment_is_signed",
                condition=Q(assessment="", assessment_signature__isnull=True)
                | (~Q(assessment="") & Q(assessment_signature__isnull=False)),
            ),
            models.CheckConstraint(
                name="deviation_conclusion_with_its_signature",
                condition=Q(conclusion="") | Q(assessment_signature__isnull=False),
            ),
        ]

    @property
    def current_class(self) -> DeviationClass:
        return DeviationClass(self.assessed_severity or self.severity)

    @property
    def is_open(self) -> bool:
        return self.assessment_signature_id is None
