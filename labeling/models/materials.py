from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from labeling.domain.stock import STOCK_UNITS
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
    supplier = models.CharField(max_length=200, blank=True)
    order_number = models.CharField(max_length=64, blank=True)
    chemical_form = models.CharField(max_length=120, blank=True)
    nuclide = models.CharField(max_length=16, blank=True)
    # Readings and quantities as {"value", "unit", "at"?, ...}: decimal text, never rounded.
    stated = models.JSONField(null=True)
    volume = models.JSONField(null=True)
    received = models.JSONField(null=True)
    received_on = models.ForeignKey(Equipment, on_delete=models.PROTECT, related_name="+", null=True)
    # What was measured against what was stated, as computed on receipt; null where there is nothing to compare.
    arrival = models.JSONField(null=True)
    # How much came, in one of labeling.domain.stock.STOCK_UNITS, and what was taken of it; without a quantity nobody
    # counts. `taken` is kept by a trigger on the withdrawals: it is their sum, whoever writes them.
    quantity = models.DecimalField(max_digits=18, decimal_places=6, null=True)
    quantity_unit = models.CharField(max_length=8, blank=True)
    taken = models.DecimalField(max_digits=18, decimal_places=6, default=0, db_default=0)
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
            models.CheckConstraint(
                name="lot_quantity_has_a_unit",
                condition=Q(quantity__isnull=True, quantity_unit="")
                | (Q(quantity__gt=0, quantity_unit__in=STOCK_UNITS) & ~Q(quantity_unit="")),
            ),
            models.CheckConstraint(
                name="lot_stock_not_below_zero",
                condition=Q(quantity__isnull=True, taken=0) | Q(taken__gte=0, taken__lte=F("quantity")),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["expires_at", "id"], name="lot_by_expiry"),
            models.Index(fields=["material", "expires_at"], name="lot_of_material_by_expiry"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def left(self) -> Decimal | None:
        """What is left, in `quantity_unit`; None where nobody counts."""
        return None if self.quantity is None else self.quantity - self.taken
