"""Refuse to sign, with the reason. The refusal stands in the trail; the work stays where it is (SIG-12)."""

from __future__ import annotations

from dataclasses import replace

from lims.accounts import access
from lims.accounts.actors import Actor
from lims.accounts.attestation import Credential, attest
from lims.accounts.roles import acting_role, require
from lims.audit.operations import operation
from lims.errors import InvalidInput, PermissionRefused
from lims.signatures.models import Refusal
from lims.signatures.signing import digest_of
from qc.services.proposals import Desk, proposal_of

PURPOSE = "signing.refuse"


def refuse_to_sign(
    *, actor: Actor, act: str, subject: str, about: str = "", reason: str, credential: Credential | None = None
) -> Refusal:
    """Say no to what one is asked to sign, and why.

    By the person who is signed in, or by another at the same workstation who proves it with `credential`. It counts
    among the events of the subject, so that a review of its trail before the refusal does not cover it. Raises
    PermissionRefused for somebody who could not have signed, which is kept as a refused signing is, and what
    `proposal_of` raises.
    """
    if not reason.strip():
        raise InvalidInput("Say why you refuse to sign.", code="reason_missing", field="reason")
    who = attest(actor, credential, purpose=PURPOSE).actor if credential else replace(actor, signing=PURPOSE)
    proposal = proposal_of(act, Desk(subject, who.user), about)
    try:
        require(who.user, proposal.permission)
    except PermissionRefused as refusal:
        access.signing_refused(who, why=refusal.code, subject=proposal.subject)
        raise
    with operation(actor=who, action="signing.refuse", subject=proposal.subject, reason=reason.strip()) as op:
        return Refusal.objects.create(
            operation=op,
            refuser=who.user,
            full_name=who.user.full_name,
            username=who.user.username,
            role=acting_role(who.user, proposal.permission),
            meaning=proposal.meaning,
            subject=proposal.subject,
            covers=proposal.covers,
            reason=reason.strip(),
            manifest_sha256=digest_of(proposal.manifest),
        )
