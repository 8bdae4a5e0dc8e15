"""Numbered blank worksheets for the hours without the system, and how each of them came back."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from labeling.models.batches import Batch
from labeling.models.controlled import ProtocolVersion
from lims.accounts.models import User
from lims.records.models import Document
from lims.signatures.models import Signature


class DowntimeSheet(models.Model):
    """One blank form, counted when it is issued and accounted for when it is back (FDA Data Integrity Q&A 2018, Q6)."""

    class State(models.TextChoices):
        ISSUED = "issued", "Issued"
        RECONCILED = "reconciled", "Reconciled"
        VOID = "void", "Void"

    number = models.CharField(max_length=32, unique=True)
    protocol_version = models.ForeignKey(ProtocolVersion, on_delete=models.PROTECT, related_name="downtime_sheets")
    document = models.OneToOneField(Document, on_delete=models.PROTECT, related_name="+")
    issued_to = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    issued_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    issued_at = models.DateTimeField(db_default=Now(), editable=False)
    state = models.CharField(max_length=10, choices=State, default=State.ISSUED)
    batch = models.OneToOneField(Batch, on_delete=models.PROTECT, related_name="downtime_sheet", null=True)
    transfer_signature = models.ForeignKey(Signature, on_delete=models.PROTECT, related_name="+", null=True)
    comparison_signature = models.ForeignKey(Signature, on_delete=models.PROTECT, related_name="+", null=True)
    void_reason = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="downtimesheet_state_known", condition=Q(state__in=["issued", "reconciled", "void"])
            ),
            models.CheckConstraint(
                name="downtimesheet_reconciled_by_two",
                condition=~Q(state="reconciled")
                | (
                    Q(batch__isnull=False, transfer_signature__isnull=False, comparison_signature__isnull=False)
                    & ~Q(transfer_signature=F("comparison_signature"))
                ),
            ),
            models.CheckConstraint(
                name="downtimesheet_void_says_why",
                condition=~Q(state="void") | ~Q(void_reason=""),
            ),
        ]

    def __str__(self) -> str:
        return self.number


class SheetScan(models.Model):
    """A picture of the filled sheet. Append-only; its bytes stand in a row of their own."""

    sheet = models.ForeignKey(DowntimeSheet, on_delete=models.PROTECT, related_name="scans")
    name = models.CharField(max_length=200)
    media_type = models.CharField(max_length=32)
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["sheet", "sha256"], name="sheetscan_once"),
        ]


class ScanContent(models.Model):
    """The bytes of a scan, apart from the row that the audit trail copies. The guard compares them with its hash."""

    scan = models.OneToOneField(SheetScan, on_delete=models.PROTECT, primary_key=True, related_name="content")
    content = models.BinaryField()
