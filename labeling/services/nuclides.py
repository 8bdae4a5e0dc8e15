"""Adopt a half-life for the site, by signature."""

from __future__ import annotations

from labeling.domain.nuclides import nuclide, nuclide_with
from labeling.domain.quantities import parse_nonnegative
from labeling.models import AdoptedNuclide
from lims.accounts.actors import Actor
from lims.accounts.attestation import Credential, attest
from lims.accounts.roles import Permission
from lims.audit.operations import operation
from lims.errors import InvalidInput
from lims.signatures.meanings import Meaning
from lims.signatures.signing import sign


def adopt_nuclide(
    *,
    actor: Actor,
    code: str,
    half_life: str,
    unit: str,
    u: str | None,
    source: str,
    reason: str,
    credential: Credential,
) -> AdoptedNuclide:
    """Use another evaluated half-life in protocol versions made effective from now on.

    Raises InvalidInput for a nuclide the library lacks, a half-life that cannot be, or a value without its source.
    """
    attestation = attest(actor, credential, purpose="nuclide.adopt")
    attestation.require(Permission.APPROVE_DOCUMENT)
    nuclide(code, field="nuclide")
    if not source.strip():
        raise InvalidInput("Name the evaluation the value is taken from.", code="missing_value", field="source")
    if u is not None:
        parse_nonnegative(u, field="u")
    value = nuclide_with(code, half_life=half_life, unit_symbol=unit, u=u, source=source.strip())
    with operation(actor=attestation.actor, action="nuclide.adopt", subject=code, reason=reason) as op:
        manifest = {"nuclide": code, "half_life": value.value, "unit": value.unit, "u": value.u, "source": value.source}
        signature = sign(
            op,
            attestation,
            meaning=Meaning.APPROVED,
            permission=Permission.APPROVE_DOCUMENT,
            covers=f"half-life of {code}",
            manifest=manifest,
        )
        return AdoptedNuclide.objects.create(
            code=code,
            half_life=value.value,
            unit=value.unit,
            u=value.u,
            source=value.source,
            signature=signature,
        )
