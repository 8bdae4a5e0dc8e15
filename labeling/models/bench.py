"""What happens around the entries of a batch: scans that did not fit, the cleared line, the handing over."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from labeling.models.batches import Batch
from labeling.models.containers import Container, ContainerEvent
from lims.accounts.models import User
from lims.signatures.models import Signature


class Scan(models.Model):
    """A scan that was not what the step waited for, or the check of an identity. Append-only."""

    class Outcome(models.TextChoices):
        MATCHED = "matched", "Matched"
        WRONG = "wrong", "Not what was expected"
        MISMATCH = "mismatch", "Another identity"

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="scans")
    step = models.CharField(max_length=64, blank=True)
    field = models.CharField(max_length=64, blank=True)
    scanned = models.CharField(max_length=200)
    expected = models.CharField(max_length=300)
    outcome = models.CharField(max_length=8, choices=Outcome)
    says = models.TextField(blank=True)
    measured_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")


class LineClearance(models.Model):
    """The signature under the cleared line, before the first entry, and that of the second person. Append-only."""

    class Part(models.TextChoices):
        CLEARED = "cleared", "Cleared"
        VERIFIED = "verified", "Verified by a second person"

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="clearances")
    part = models.CharField(max_length=8, choices=Part)
    signature = models.ForeignKey(Signature, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["batch", "part"], name="line_cleared_once")]


class Dispatch(models.Model):
    """The handing over of a released product: the distribution record (21 CFR 212.90(b)). Append-only.

    `vessel` is None where the protocol keeps no container, and of what was handed over before containers were named;
    `whole` says that nothing stayed in it. `container` is the packaging, in words.
    """

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="dispatches")
    scanned = models.CharField(max_length=64)  # the identity, or the batch number, read from the container
    container = models.CharField(max_length=200)
    quantity = models.CharField(max_length=200)
    recipient = models.CharField(max_length=200)
    address = models.CharField(max_length=400)
    phone = models.CharField(max_length=40)
    carrier = models.CharField(max_length=200)
    vessel = models.ForeignKey(Container, on_delete=models.PROTECT, related_name="dispatches", null=True)
    event = models.OneToOneField(ContainerEvent, on_delete=models.PROTECT, related_name="dispatch", null=True)
    whole = models.BooleanField(default=True)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    signature = models.ForeignKey(Signature, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["vessel"], condition=Q(whole=True, vessel__isnull=False), name="container_handed_over_once"
            ),
            models.CheckConstraint(
                name="dispatch_says_to_whom",
                condition=~Q(recipient="") & ~Q(address="") & ~Q(phone="") & ~Q(carrier="") & ~Q(scanned=""),
            ),
        ]
