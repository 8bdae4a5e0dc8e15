from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from lims.accounts.models import User

MOST_CLOCK_OFFSET_SECONDS = 60


class Equipment(models.Model):
    code = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=32)
    name = models.CharField(max_length=200, blank=True)
    serial = models.CharField(max_length=64, blank=True)
    registered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    registered_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return self.code


class EquipmentCheck(models.Model):
    """A check of an instrument on a day; a reading needs one that passed on its own day. Append-only."""

    class Outcome(models.TextChoices):
        PASS = "pass", "Passed"
        FAIL = "fail", "Failed"

    equipment = models.ForeignKey(Equipment, on_delete=models.PROTECT, related_name="checks")
    at = models.DateTimeField()
    outcome = models.CharField(max_length=4, choices=Outcome)
    note = models.TextField(blank=True)
    # How far the instrument's own clock is ahead of the database's; null where nobody looked.
    clock_offset_seconds = models.IntegerField(null=True)
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["equipment", "at"], name="check_by_instrument_and_time")]

    @property
    def clock_is_off(self) -> bool:
        """One minute is 0.015 % of the activity of zirconium-89; more is flagged (TIM-5)."""
        return self.clock_offset_seconds is not None and abs(self.clock_offset_seconds) > MOST_CLOCK_OFFSET_SECONDS


class Calibration(models.Model):
    """What is known of an instrument's readings from a day on: relative standard uncertainties. Append-only.

    The calibration factor is one, shared by all readings of the period; repeatability is each reading's own.
    """

    equipment = models.ForeignKey(Equipment, on_delete=models.PROTECT, related_name="calibrations")
    valid_from = models.DateTimeField()
    relative_u_percent = models.CharField(max_length=24)
    repeatability_percent = models.CharField(max_length=24, blank=True)
    certificate = models.CharField(max_length=120, blank=True)
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="calibration_has_an_uncertainty", condition=~Q(relative_u_percent="")),
        ]
