from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from labeling.models.equipment import Equipment
from lims.accounts.models import User
from lims.signatures.models import Signature


class Lot(models.Model):
    """What was received: a vial of activity, a reagent, a filter, a cell product. Usable once accepted by signature."""

    class Status(models.TextChoices):
        QUARANTINE = "quarantine", "In quarantine"
        ACCEPTED = "accepted", "Accepted"
        REJECTED = "rejected", "Rejected"

    number = models.CharField(max_length=64, unique=True)
    material = models.CharField(max_length=64)
    kind = models.CharField(max_length=16, blank=True)
    name = models.CharField(max_length=200, blank=True)
    identity = models.CharField(max_length=64, blank=True)
    expires_at = models.DateTimeField()
    # Readings and quantities as {"value", "unit", "at"?}: decimal text, never rounded.
    stated = models.JSONField(null=True)
    volume = models.JSONField(null=True)
    received = models.JSONField(null=True)
    received_on = models.ForeignKey(Equipment, on_delete=models.PROTECT, related_name="+", null=True)
    received_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    status = models.CharField(max_length=12, choices=Status, default=Status.QUARANTINE)
    disposition_signature = models.ForeignKey(Signature, on_delete=models.PROTECT, related_name="+", null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="lot_disposition_is_signed",
                condition=Q(status="quarantine") | Q(disposition_signature__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.number
