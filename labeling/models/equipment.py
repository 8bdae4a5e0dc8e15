"""Instruments with what is recorded of them. Everything but the instrument itself is only ever added."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from labeling.domain.instruments import (
    ACCURACY_PERCENT,
    CONSTANCY_ACTION_PERCENT,
    CONSTANCY_WARNING_PERCENT,
    LINEARITY_PERCENT,
    CheckState,
)
from lims.accounts.models import User
from lims.signatures.models import Signature

MOST_CLOCK_OFFSET_SECONDS = 60


class Equipment(models.Model):
    code = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=32)
    name = models.CharField(max_length=200, blank=True)
    serial = models.CharField(max_length=64, blank=True)
    maker = models.CharField(max_length=120, blank=True, default="", db_default="")
    model = models.CharField(max_length=120, blank=True, default="", db_default="")
    location = models.CharField(max_length=120, blank=True, default="", db_default="")
    registered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    registered_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return self.code


class CheckSource(models.Model):
    """A long-lived source against which dose calibrators are checked, as its certificate states it. Append-only."""

    code = models.CharField(max_length=64, unique=True)
    nuclide = models.CharField(max_length=16)
    activity = models.CharField(max_length=40)
    unit = models.CharField(max_length=24)
    relative_u_percent = models.CharField(max_length=24, blank=True)
    reference_at = models.DateTimeField()
    certificate = models.CharField(max_length=120)
    certificate_sha256 = models.CharField(max_length=64, blank=True)
    registered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return self.code


class EquipmentRules(models.Model):
    """How often an instrument is looked after, and the limits of its checks. Signed; the newest counts. Append-only.

    Intervals in days, none where nothing is due; limits in %. `daily_source` is the one that is read every day.
    """

    equipment = models.ForeignKey(Equipment, on_delete=models.PROTECT, related_name="rules")
    calibration_days = models.PositiveIntegerField(null=True)
    linearity_days = models.PositiveIntegerField(null=True)
    accuracy_days = models.PositiveIntegerField(null=True)
    service_days = models.PositiveIntegerField(null=True)
    constancy_warning_percent = models.CharField(max_length=8, default=CONSTANCY_WARNING_PERCENT)
    constancy_action_percent = models.CharField(max_length=8, default=CONSTANCY_ACTION_PERCENT)
    linearity_percent = models.CharField(max_length=8, default=LINEARITY_PERCENT)
    accuracy_percent = models.CharField(max_length=8, default=ACCURACY_PERCENT)
    daily_source = models.ForeignKey(CheckSource, on_delete=models.PROTECT, related_name="+", null=True)
    signature = models.ForeignKey(Signature, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)


class ServiceStatus(models.Model):
    """An instrument was taken out of service, or put back, with a signature and its reason. Append-only."""

    equipment = models.ForeignKey(Equipment, on_delete=models.PROTECT, related_name="statuses")
    in_service = models.BooleanField()
    signature = models.ForeignKey(Signature, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)


class EquipmentCheck(models.Model):
    """A check of an instrument; a reading needs one of the daily kinds that passed on its own day. Append-only.

    `evidence` holds the points, limits and worked lines from which `state` and the outcome were computed.
    """

    class Kind(models.TextChoices):
        DAILY = "daily", "Daily check"
        CONSTANCY = "constancy", "Constancy"
        LINEARITY = "linearity", "Linearity"
        ACCURACY = "accuracy", "Accuracy"
        SERVICE = "service", "Service"

    class Outcome(models.TextChoices):
        PASS = "pass", "Passed"
        FAIL = "fail", "Failed"

    equipment = models.ForeignKey(Equipment, on_delete=models.PROTECT, related_name="checks")
    at = models.DateTimeField()
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.DAILY, db_default="daily")
    outcome = models.CharField(max_length=4, choices=Outcome)
    state = models.CharField(
        max_length=8, choices=[(s.value, s.value) for s in CheckState], blank=True, default="", db_default=""
    )
    deviation_percent = models.CharField(max_length=24, blank=True, default="", db_default="")
    source = models.ForeignKey(CheckSource, on_delete=models.PROTECT, related_name="checks", null=True)
    evidence = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    note = models.TextField(blank=True)
    # Recorded long after it was made, as an entry is marked: with the reason.
    late = models.BooleanField(default=False, db_default=False)
    reason = models.TextField(blank=True, default="", db_default="")
    # How far the instrument's own clock is ahead of the database's; null where nobody looked.
    clock_offset_seconds = models.IntegerField(null=True)
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["equipment", "at"], name="check_by_instrument_and_time")]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="check_is_computed_where_it_is_measured",
                condition=Q(kind__in=["daily", "service"], state="") | ~Q(state="") & ~Q(deviation_percent=""),
            ),
            models.CheckConstraint(name="late_check_says_why", condition=Q(late=False) | Q(reason__regex=r"\S")),
        ]

    @property
    def clock_is_off(self) -> bool:
        """One minute is 0.015 % of the activity of zirconium-89; more is flagged (TIM-5)."""
        return self.clock_offset_seconds is not None and abs(self.clock_offset_seconds) > MOST_CLOCK_OFFSET_SECONDS


class Calibration(models.Model):
    """What is known of an instrument's readings from a day on. Append-only.

    A reading is multiplied by `factor`, which all readings of the period share with its relative standard uncertainty;
    repeatability is each reading's own. Nuclide, setting and geometry are those it holds for; blank means any.
    """

    equipment = models.ForeignKey(Equipment, on_delete=models.PROTECT, related_name="calibrations")
    valid_from = models.DateTimeField()
    relative_u_percent = models.CharField(max_length=24)
    repeatability_percent = models.CharField(max_length=24, blank=True)
    factor = models.CharField(max_length=24, default="1", db_default="1")
    nuclide = models.CharField(max_length=16, blank=True, default="", db_default="")
    setting = models.CharField(max_length=24, blank=True, default="", db_default="")
    geometry = models.CharField(max_length=64, blank=True, default="", db_default="")
    valid_until = models.DateTimeField(null=True)
    certificate = models.CharField(max_length=120, blank=True)
    certificate_sha256 = models.CharField(max_length=64, blank=True, default="", db_default="")
    traceability = models.CharField(max_length=200, blank=True, default="", db_default="")
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="calibration_has_an_uncertainty", condition=~Q(relative_u_percent="")),
            models.CheckConstraint(name="calibration_has_a_factor", condition=~Q(factor="")),
            models.CheckConstraint(
                name="calibration_ends_after_it_begins",
                condition=Q(valid_until=None) | Q(valid_until__gt=models.F("valid_from")),
            ),
        ]
