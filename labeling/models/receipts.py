"""What comes with a lot and what leaves it: certificates, the survey of its package, withdrawals. Only ever added."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from labeling.models.batches import Entry
from labeling.models.equipment import Calibration, Equipment
from labeling.models.materials import Lot
from lims.accounts.models import User
from lims.audit.models import Operation


class CertificateFile(models.Model):
    """The bytes under their own SHA-256: the trail holds the hash, with the certificate, and no second copy of them."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    content = models.BinaryField()


class LotCertificate(models.Model):
    """A supplier's certificate of analysis. The newest counts; earlier ones stay."""

    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="certificates")
    number = models.CharField(max_length=120)
    issuer = models.CharField(max_length=200)
    name = models.CharField(max_length=120)
    content_type = models.CharField(max_length=32)
    size = models.PositiveIntegerField()
    file = models.ForeignKey(CertificateFile, on_delete=models.PROTECT, related_name="+")
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    operation = models.ForeignKey(Operation, on_delete=models.PROTECT, related_name="+")


class CalibrationCertificate(models.Model):
    """The file of a calibration's certificate, which names its hash. What is certified of an instrument outlives it."""

    calibration = models.OneToOneField(Calibration, on_delete=models.PROTECT, related_name="certificate_kept")
    name = models.CharField(max_length=120)
    content_type = models.CharField(max_length=32)
    size = models.PositiveIntegerField()
    file = models.ForeignKey(CertificateFile, on_delete=models.PROTECT, related_name="+")
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    operation = models.ForeignKey(Operation, on_delete=models.PROTECT, related_name="+")


class PackageSurvey(models.Model):
    """The package as it came (10 CFR 20.1906): dose rates {"value", "unit"} at surface and 1 m, condition."""

    class Condition(models.TextChoices):
        INTACT = "intact", "Intact"
        DAMAGED = "damaged", "Damaged"
        LEAKING = "leaking", "Leaking"

    class Wipe(models.TextChoices):
        CLEAN = "clean", "Not contaminated"
        CONTAMINATED = "contaminated", "Contaminated"
        NOT_TAKEN = "not_taken", "Not taken"

    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="surveys")
    surface = models.JSONField()
    one_meter = models.JSONField()
    wipe = models.CharField(max_length=12, choices=Wipe)
    wipe_reading = models.JSONField(null=True)
    condition = models.CharField(max_length=8, choices=Condition)
    note = models.TextField(blank=True)
    equipment = models.ForeignKey(Equipment, on_delete=models.PROTECT, related_name="+", null=True)
    surveyed_at = models.DateTimeField()
    surveyed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    operation = models.ForeignKey(Operation, on_delete=models.PROTECT, related_name="+")


class Withdrawal(models.Model):
    """What was taken from a lot, in its unit: for an entry or with a reason. Negative: given back by a correction."""

    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="withdrawals")
    amount = models.DecimalField(max_digits=18, decimal_places=6)
    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="withdrawals", null=True)
    reason = models.TextField(blank=True)
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    operation = models.ForeignKey(Operation, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="withdrawal_moves_something", condition=~Q(amount=0)),
            models.CheckConstraint(
                name="withdrawal_for_an_entry_or_a_reason", condition=Q(entry__isnull=False) | ~Q(reason="")
            ),
            models.CheckConstraint(
                name="withdrawal_given_back_by_an_entry", condition=Q(amount__gt=0) | Q(entry__isnull=False)
            ),
        ]
