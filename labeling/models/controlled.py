"""Versions of controlled documents: protocols and specifications live the same life."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from labeling.domain.lifecycle import VersionStatus
from labeling.domain.protocol import Protocol
from labeling.domain.protocol_reading import parse_protocol
from labeling.domain.specification import Specification, parse_specification
from lims.accounts.models import User
from lims.signatures.models import Signature

SIGNED_AFTER_APPROVAL = [s.value for s in (VersionStatus.APPROVED, VersionStatus.EFFECTIVE, VersionStatus.SUPERSEDED)]
EFFECTIVE_ONCE = [s.value for s in (VersionStatus.EFFECTIVE, VersionStatus.SUPERSEDED)]


def _signature() -> models.ForeignKey[Signature | None, Signature | None]:
    return models.ForeignKey(Signature, on_delete=models.PROTECT, related_name="+", null=True)


class ControlledVersion(models.Model):
    """One version of one document: its YAML text as imported, never edited, and the signatures that carried it."""

    code = models.CharField(max_length=64)
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    text = models.TextField()
    sha256 = models.CharField(max_length=64)
    status = models.CharField(
        max_length=12, choices=[(s.value, s.value) for s in VersionStatus], default=VersionStatus.DRAFT.value
    )
    imported_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    imported_at = models.DateTimeField(db_default=Now(), editable=False)
    review_signature = _signature()
    approval_signature = _signature()
    effective_signature = _signature()
    retirement_signature = _signature()

    class Meta:
        abstract = True
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["code", "number"], name="%(class)s_number_once"),
            models.UniqueConstraint(fields=["code", "sha256"], name="%(class)s_text_once"),
            models.UniqueConstraint(
                fields=["code"], condition=Q(status=VersionStatus.EFFECTIVE.value), name="%(class)s_one_effective"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=SIGNED_AFTER_APPROVAL)
                | Q(review_signature__isnull=False, approval_signature__isnull=False),
                name="%(class)s_approval_is_signed",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=EFFECTIVE_ONCE) | Q(effective_signature__isnull=False),
                name="%(class)s_effective_is_signed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} version {self.number}"

    @property
    def name(self) -> str:
        return f"{self.code}/{self.number}"


class ProtocolVersion(ControlledVersion):
    """A master record. It keeps the nuclide's half-life it was made effective with, so no later value moves a batch."""

    kind = models.CharField(max_length=12)
    product = models.CharField(max_length=200)
    nuclide = models.CharField(max_length=16)
    constants = models.JSONField(null=True)

    class Meta(ControlledVersion.Meta):
        constraints: ClassVar = [
            *ControlledVersion.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(status__in=EFFECTIVE_ONCE) | Q(constants__isnull=False),
                name="protocolversion_constants_are_fixed",
            ),
        ]

    @property
    def document(self) -> Protocol:
        return parse_protocol(self.text)  # parsed once for each text


class SpecificationVersion(ControlledVersion):
    """What a product is tested against."""

    @property
    def document(self) -> Specification:
        return parse_specification(self.text)
