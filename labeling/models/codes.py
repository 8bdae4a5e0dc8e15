"""Every code that a scanner may read, once: filled by triggers when what bears it is written."""

from __future__ import annotations

from django.db import models


class Code(models.Model):
    """In capitals, because a scan has no case. The vial of a lot bears the number of its lot, and has no row."""

    class Kind(models.TextChoices):
        CONTAINER = "container", "a container"
        LOT = "lot", "a lot"
        BATCH = "batch", "a batch"
        INSTRUMENT = "instrument", "an instrument"
        SOURCE = "source", "a check source"

    code = models.CharField(max_length=128, primary_key=True)
    kind = models.CharField(max_length=10, choices=Kind)

    def __str__(self) -> str:
        return self.code
