"""That somebody has reviewed who has access. Append-only."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from lims.signatures.models import Signature


class AccessReview(models.Model):
    """The list of accounts as its reviewer was shown it, what they conclude, and their signature for it."""

    listed = models.JSONField()
    conclusion = models.TextField()
    signature = models.OneToOneField(Signature, on_delete=models.PROTECT, related_name="access_review")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="access_review_concludes", condition=models.Q(conclusion__regex=r"\S")),
        ]

    def __str__(self) -> str:
        return f"Access review {self.pk}"
