"""The line is cleared before the first entry: signed by who cleared it, and by a second person where asked."""

from __future__ import annotations

from labeling.domain.training import Task
from labeling.models import Batch, LineClearance
from labeling.services.lifecycle import lock_batch
from labeling.services.recording import refuse_unless_in_progress
from labeling.services.training import require_training_for
from lims.accounts.actors import Actor
from lims.accounts.attestation import Credential, attest
from lims.accounts.roles import Permission
from lims.audit.operations import operation
from lims.errors import Conflict, SegregationOfDuties
from lims.signatures.meanings import Meaning
from lims.signatures.signing import sign

Part = LineClearance.Part


def clear_line(*, actor: Actor, number: str, credential: Credential) -> LineClearance:
    """The signature of the person who cleared the line."""
    attestation = attest(actor, credential, purpose="line.clear")
    attestation.require(Permission.MAKE_BATCH)
    require_training_for(attestation.actor, number, Task.MAKE, doing="line.clear")
    with operation(actor=attestation.actor, action="line.clear", subject=number) as op:
        batch = lock_batch(number)
        refuse_unless_in_progress(batch)
        _parts(batch, refuse=Part.CLEARED)
        signature = sign(
            op,
            attestation,
            meaning=Meaning.LINE_CLEARED,
            permission=Permission.MAKE_BATCH,
            covers=f"line clearance of {number}",
            manifest=clearance_manifest(batch),
        )
        return LineClearance.objects.create(batch=batch, part=Part.CLEARED, signature=signature)


def verify_line(*, actor: Actor, number: str, credential: Credential) -> LineClearance:
    """The second person's signature. Raises SegregationOfDuties for the person who cleared the line."""
    attestation = attest(actor, credential, purpose="line.verify")
    attestation.require(Permission.VERIFY)
    require_training_for(attestation.actor, number, Task.VERIFY, doing="line.verify")
    with operation(actor=attestation.actor, action="line.verify", subject=number) as op:
        batch = lock_batch(number)
        refuse_unless_in_progress(batch)
        cleared = _parts(batch, refuse=Part.VERIFIED).get(Part.CLEARED)
        if cleared is None:
            raise Conflict("The line is not cleared yet; there is nothing to verify.", code="line_not_cleared")
        if cleared.signature.signer_id == attestation.user.pk:
            raise SegregationOfDuties("You cleared the line yourself; a second person has to verify it.")
        signature = sign(
            op,
            attestation,
            meaning=Meaning.VERIFIED,
            permission=Permission.VERIFY,
            covers=f"line clearance of {number}",
            manifest={**clearance_manifest(batch), "cleared_by": cleared.signature.username},
        )
        return LineClearance.objects.create(batch=batch, part=Part.VERIFIED, signature=signature)


def clearance_manifest(batch: Batch) -> dict[str, object]:
    asked = batch.protocol_version.document.line_clearance
    return {"batch": batch.number, "line_clearance": asked.text if asked else ""}


def _parts(batch: Batch, *, refuse: LineClearance.Part) -> dict[str, LineClearance]:
    """The signatures that are there. Raises Conflict where none is asked for, or this one is given already."""
    if batch.protocol_version.document.line_clearance is None:
        raise Conflict(f"The protocol of {batch.number} asks for no line clearance.", code="no_line_clearance")
    found = {row.part: row for row in LineClearance.objects.filter(batch=batch).select_related("signature")}
    if refuse in found:
        raise Conflict(f"The line was {refuse.value} already.", code="already_recorded")
    return found
