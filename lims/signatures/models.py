from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from lims.accounts.models import User
from lims.audit.models import Operation


class Signature(models.Model):
    """One signature: who attested what, in which meaning, when. Append-only; it holds what the signer was shown."""

    operation = models.ForeignKey(Operation, on_delete=models.PROTECT, related_name="signatures")
    signer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    full_name = models.CharField(max_length=120)
    username = models.CharField(max_length=64)
    role = models.CharField(max_length=24)
    meaning = models.CharField(max_length=24)
    subject = models.CharField(max_length=120)
    covers = models.CharField(max_length=200)
    reason = models.TextField(blank=True)
    factors = models.CharField(max_length=64)
    manifest = models.TextField()
    manifest_sha256 = models.CharField(max_length=64)
    # Blank in rows that were signed before these were kept; every newer row has them.
    software_version = models.CharField(max_length=32, blank=True, default="")
    time_zone = models.CharField(max_length=64, blank=True, default="")
    statement_sha256 = models.CharField(max_length=64, blank=True, default="")
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [models.Index(fields=["subject", "id"], name="signature_by_subject")]

    def __str__(self) -> str:
        return f"{self.full_name}: {self.meaning} {self.covers}"


class Refusal(models.Model):
    """Somebody was asked to sign and said no, and why. Append-only; the work stays where it is (SIG-12)."""

    operation = models.OneToOneField(Operation, on_delete=models.PROTECT, related_name="refusal")
    refuser = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    full_name = models.CharField(max_length=120)
    username = models.CharField(max_length=64)
    role = models.CharField(max_length=24)
    meaning = models.CharField(max_length=24)
    subject = models.CharField(max_length=120)
    covers = models.CharField(max_length=200)
    reason = models.TextField()
    manifest_sha256 = models.CharField(max_length=64)
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="refusal_says_why", condition=models.Q(reason__regex=r"\S")),
        ]
        indexes: ClassVar = [models.Index(fields=["subject", "id"], name="refusal_by_subject")]

    def __str__(self) -> str:
        return f"{self.full_name} refused: {self.meaning} {self.covers}"
