"""Who is trained for which task of which protocol version, until when. Nothing here is edited: it is withdrawn."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from labeling.domain.training import LONGEST, Task, Way
from labeling.models.controlled import ProtocolVersion
from lims.accounts.models import User
from lims.audit.models import Operation
from lims.signatures.models import Signature


class Training(models.Model):
    """One person was trained or assessed for one task of one protocol version, in one way. Append-only.

    The signature is that of whoever trained or assessed, and may cover several people and tasks. A demonstration has
    none: the system user recorded it, and it says that nobody was trained.
    """

    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="trainings")
    protocol_version = models.ForeignKey(ProtocolVersion, on_delete=models.PROTECT, related_name="trainings")
    task = models.CharField(max_length=8, choices=[(task.value, task.value) for task in Task])
    way = models.CharField(max_length=20, choices=[(way.value, way.label) for way in Way])
    note = models.TextField(blank=True)
    trained_at = models.DateTimeField()
    valid_until = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    signature = models.ForeignKey(Signature, on_delete=models.PROTECT, related_name="+", null=True)
    operation = models.ForeignKey(Operation, on_delete=models.PROTECT, related_name="+")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["person", "protocol_version", "task"], name="training_of_person"),
            models.Index(fields=["valid_until"], name="training_by_expiry"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="training_is_signed",
                condition=Q(signature__isnull=False) ^ Q(way=Way.DEMONSTRATION.value),
            ),
            models.CheckConstraint(name="training_task_known", condition=Q(task__in=[t.value for t in Task])),
            models.CheckConstraint(name="training_way_known", condition=Q(way__in=[w.value for w in Way])),
            models.CheckConstraint(
                name="training_expires",
                condition=Q(valid_until__gt=F("trained_at")) & Q(valid_until__lte=F("trained_at") + LONGEST),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} for {self.task} of {self.protocol_version}"


class TrainingWithdrawal(models.Model):
    """A training record counts no longer, by signature and with a reason. Append-only."""

    training = models.OneToOneField(Training, on_delete=models.PROTECT, related_name="withdrawal")
    signature = models.ForeignKey(Signature, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return f"withdrawn: {self.training}"
