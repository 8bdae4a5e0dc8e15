"""The file of a calibration's certificate: kept byte for byte under its hash, as the certificate of a lot is."""

from __future__ import annotations

from labeling.models import Calibration, CalibrationCertificate, Equipment
from labeling.services.receipts import keep_file
from lims.accounts.actors import Actor
from lims.accounts.roles import Permission, require
from lims.audit.models import Operation
from lims.audit.operations import operation
from lims.errors import Conflict, NotFound


def attach_calibration_certificate(
    *, actor: Actor, code: str, calibration_id: int, content: bytes, name: str = ""
) -> CalibrationCertificate:
    """The file of a calibration that is recorded already. Raises Conflict where it has one, or names another hash."""
    require(actor.user, Permission.KEEP_EQUIPMENT)
    with operation(actor=actor, action="equipment.certificate", subject=code) as op:
        Equipment.objects.select_for_update().filter(code=code).first()
        calibration = Calibration.objects.filter(equipment__code=code, pk=calibration_id).first()
        if calibration is None:
            raise NotFound(f"{code} has no such calibration.")
        if hasattr(calibration, "certificate_kept"):
            raise Conflict("The file of this certificate is kept already.", code="already_recorded", field="file")
        return keep_calibration_file(op, calibration, content, name)


def keep_calibration_file(op: Operation, calibration: Calibration, content: bytes, name: str) -> CalibrationCertificate:
    kept = keep_file(content, name)
    if calibration.certificate_sha256 not in ("", kept.sha256):
        raise Conflict(
            f"This file has the SHA-256 {kept.sha256[:12]}…; the calibration names"
            f" {calibration.certificate_sha256[:12]}…. Choose the file that was recorded with it.",
            code="another_file",
            field="file",
        )
    return CalibrationCertificate.objects.create(
        calibration=calibration,
        name=kept.name,
        content_type=kept.content_type,
        size=len(content),
        file_id=kept.sha256,
        recorded_by=op.actor,
        operation=op,
    )
