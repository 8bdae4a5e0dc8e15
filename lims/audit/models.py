"""What happened: one operation for each human intention, and the rows it touched as PostgreSQL saw them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from lims.accounts.models import User


class Operation(models.Model):
    """One intentional act by one person: who, in which role, what, upon what, why, from where, when."""

    actor = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=120)
    action = models.CharField(max_length=64)
    subject = models.CharField(max_length=120, blank=True)
    reason = models.TextField(blank=True)
    source = models.CharField(max_length=8)
    address = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField(db_default=Now(), editable=False)
    # The transaction it belongs to; the capture trigger accepts no other.
    txid = models.BigIntegerField(
        db_default=models.Func(function="txid_current", output_field=models.BigIntegerField()), editable=False
    )

    class Meta:
        indexes: ClassVar = [models.Index(fields=["subject", "id"], name="operation_by_subject")]

    def __str__(self) -> str:
        return f"{self.action} {self.subject}".strip()


class Change(models.Model):
    """One row written. Filled by triggers alone: the server's role may only read it."""

    operation = models.ForeignKey(Operation, on_delete=models.PROTECT, related_name="changes")
    table_name = models.CharField(max_length=64)
    row_pk = models.CharField(max_length=64)
    verb = models.CharField(max_length=6)
    old_row = models.JSONField(null=True)
    new_row = models.JSONField(null=True)
    at = models.DateTimeField()


class Submission(models.Model):
    """The first answer to a request that carried an Idempotency-Key; the same request is answered with it again."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=200)
    request_sha256 = models.CharField(max_length=64)
    status = models.SmallIntegerField(null=True)
    answer = models.JSONField(null=True)
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "key"], name="submission_once_per_key")]
