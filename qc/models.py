"""Test results and what people decided about them. Append-only: nothing here is edited."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from labeling.models import Batch, Equipment, SpecificationVersion
from lims.accounts.models import User
from lims.audit.models import Operation
from lims.signatures.models import Signature


class TestResult(models.Model):
    """One value against one test of the batch's specification version; the verdict is judged, never typed."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="test_results")
    specification_version = models.ForeignKey(SpecificationVersion, on_delete=models.PROTECT, related_name="+")
    test = models.CharField(max_length=64)
    attempt = models.PositiveSmallIntegerField()
    typed = models.TextField(blank=True)
    inputs = models.JSONField(null=True)
    value = models.CharField(max_length=200)
    u = models.CharField(max_length=40, null=True)
    unit = models.CharField(max_length=24, blank=True)
    formula = models.CharField(max_length=64, blank=True)
    formula_version = models.CharField(max_length=16, blank=True)
    worked = models.TextField(blank=True)
    verdict = models.CharField(max_length=12)
    measured_at = models.DateTimeField()
    equipment = models.ForeignKey(Equipment, on_delete=models.PROTECT, related_name="+", null=True)
    # The result in whose place this one stands, and why; or why a test was made before the product was measured.
    corrects = models.OneToOneField("self", on_delete=models.PROTECT, related_name="corrected_by", null=True)
    reason = models.TextField(blank=True, default="")
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    operation = models.ForeignKey(Operation, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["batch", "test", "attempt"], name="testresult_attempt_once"),
        ]


class Review(models.Model):
    """A second person has looked at a test result and its raw data."""

    test_result = models.OneToOneField(TestResult, on_delete=models.PROTECT, related_name="review")
    signature = models.ForeignKey(Signature, on_delete=models.PROTECT, related_name="+")


class Investigation(models.Model):
    """An assignable cause that invalidates a test result. The result stays and is printed; another may follow."""

    test_result = models.OneToOneField(TestResult, on_delete=models.PROTECT, related_name="investigation")
    cause = models.TextField()
    signature = models.ForeignKey(Signature, on_delete=models.PROTECT, related_name="+")
