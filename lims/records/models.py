"""What was printed. A row is a place in the print queue first and the sealed bytes afterwards."""

from __future__ import annotations

from typing import ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.db.models.functions import Length, Now

from lims.audit.models import Operation


class Document(models.Model):
    """One printed record: frozen context in, frozen bytes out.

    What it prints is fixed when it is requested, and nothing of it changes once it is sealed. The guard in `sql.py`
    holds both against every client of the database.
    """

    class Kind(models.TextChoices):
        BATCH_RECORD = "batch_record", "Batch record"
        MASTER_RECORD = "master_record", "Master record"
        BLANK_WORKSHEET = "blank_worksheet", "Blank worksheet"
        AUDIT_TRAIL = "audit_trail", "Audit trail"
        LABEL = "label", "Label"
        PACKAGE = "inspection_package", "Inspection package"

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting for the printer"
        RENDERING = "rendering", "Being printed"
        SEALED = "sealed", "Sealed"
        FAILED = "failed", "Could not be printed"

    kind = models.CharField(max_length=32, choices=Kind)
    number = models.CharField(max_length=64, unique=True)
    subject = models.CharField(max_length=120)
    title = models.CharField(max_length=240)
    template = models.CharField(max_length=120)
    context = models.JSONField(encoder=DjangoJSONEncoder)
    attachments = models.JSONField(default=list, encoder=DjangoJSONEncoder)
    operation = models.ForeignKey(Operation, on_delete=models.PROTECT, related_name="documents")
    requested_at = models.DateTimeField(db_default=Now(), editable=False)

    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    claim = models.UUIDField(null=True, editable=False)
    claimed_at = models.DateTimeField(null=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    not_before = models.DateTimeField(null=True, editable=False)
    error = models.TextField(blank=True, editable=False)

    # The sealed bytes: a PDF, or of an inspection package a ZIP.
    pdf = models.BinaryField(null=True, editable=False)
    size = models.GeneratedField(expression=Length("pdf"), output_field=models.IntegerField(null=True), db_persist=True)
    sha256 = models.CharField(max_length=64, blank=True, editable=False)
    sealed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="document_sealed_with_its_bytes",
                condition=Q(state="sealed", pdf__isnull=False, sealed_at__isnull=False, sha256__regex=r"^[0-9a-f]{64}$")
                | (~Q(state="sealed") & Q(pdf__isnull=True, sealed_at__isnull=True, sha256="")),
            ),
            models.CheckConstraint(
                name="document_state_known", condition=Q(state__in=["queued", "rendering", "sealed", "failed"])
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["subject", "id"], name="document_by_subject"),
            models.Index(fields=["sha256"], name="document_by_sha256"),
            models.Index(fields=["id"], name="document_unfinished", condition=Q(state__in=["queued", "rendering"])),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def is_package(self) -> bool:
        return self.kind == self.Kind.PACKAGE

    @property
    def media_type(self) -> str:
        return "application/zip" if self.is_package else "application/pdf"

    @property
    def file_name(self) -> str:
        return f"{self.number.replace('/', '-')}.{'zip' if self.is_package else 'pdf'}"

    @property
    def content(self) -> bytes:
        """The sealed bytes; empty until there are any."""
        return bytes(self.pdf or b"")
