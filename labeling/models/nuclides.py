from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from lims.signatures.models import Signature


class AdoptedNuclide(models.Model):
    """A half-life that the site has adopted, by signature, in place of the library's. Append-only: the newest counts.

    Protocol versions keep the value they were made effective with, so that adopting another one moves no batch.
    """

    code = models.CharField(max_length=16)
    half_life = models.CharField(max_length=40)
    unit = models.CharField(max_length=8)
    u = models.CharField(max_length=40, null=True)
    source = models.TextField()
    adopted_at = models.DateTimeField(db_default=Now(), editable=False)
    signature = models.ForeignKey(Signature, on_delete=models.PROTECT, related_name="+")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["code", "-id"], name="adopted_nuclide_by_code")]
        constraints: ClassVar = [
            models.CheckConstraint(name="adopted_nuclide_has_a_source", condition=~Q(source="") & ~Q(half_life="")),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.half_life} {self.unit}"
