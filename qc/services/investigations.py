"""Investigations: why a test result does not count, signed. The result stays in sight and in print."""

from __future__ import annotations

from lims.accounts.actors import Actor
from lims.accounts.attestation import Credential, attest
from lims.accounts.roles import Permission
from lims.audit.operations import operation
from lims.errors import InvalidInput, SegregationOfDuties
from lims.signatures.meanings import Meaning
from lims.signatures.signing import sign
from qc.models import Investigation
from qc.services.results import locked_result, refuse_wrong_status, result_manifest


def invalidate_result(
    *, actor: Actor, number: str, result_id: int, cause: str, credential: Credential, revision: int | None = None
) -> Investigation:
    """Close an investigation that found why a result does not count. The result stays in sight and in print."""
    attestation = attest(actor, credential, purpose="result.investigate")
    attestation.require(Permission.INVESTIGATE)
    with operation(actor=attestation.actor, action="result.investigate", subject=number, reason=cause) as op:
        result = locked_result(op, number, result_id, revision)
        if attestation.user.pk == result.recorded_by_id:
            raise SegregationOfDuties("You recorded this result yourself; another person has to investigate it.")
        specification = result.specification_version.document
        refuse_wrong_status(result.batch, specification.test(result.test), "investigated")
        if not cause.strip():
            raise InvalidInput("State the assignable cause that was found.", code="missing_value", field="cause")
        signature = sign(
            op,
            attestation,
            meaning=Meaning.INVALIDATED,
            permission=Permission.INVESTIGATE,
            covers=f"test {result.test} of {number}",
            manifest={**result_manifest(result), "cause": cause.strip()},
        )
        return Investigation.objects.create(test_result=result, cause=cause.strip(), signature=signature)
