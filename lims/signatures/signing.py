"""Sign content, never a row's number: the manifest is what the signer was shown."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from django.conf import settings

from lims.accounts import sequences
from lims.accounts.attestation import Attestation
from lims.accounts.roles import Permission, acting_role, require
from lims.audit.models import Operation
from lims.errors import SignatureRefused
from lims.signatures.meanings import PERMISSIONS, Meaning
from lims.signatures.models import Signature

STATED = (
    *("full_name", "username", "role", "meaning", "subject", "covers", "reason", "factors", "manifest_sha256"),
    *("software_version", "time_zone"),
)


def canonical(manifest: Mapping[str, object]) -> str:
    """The one spelling of a manifest: sorted keys, no spaces, UTF-8 as it is; no floats (numbers are decimal text)."""
    return json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest_of(manifest: Mapping[str, object]) -> str:
    """What a page or client sends back to say which manifest its person was shown."""
    return hashlib.sha256(canonical(manifest).encode()).hexdigest()


def sign(
    op: Operation,
    attestation: Attestation,
    *,
    meaning: Meaning,
    permission: Permission,
    covers: str,
    manifest: Mapping[str, object],
) -> Signature:
    """Sign `manifest` inside `op`. The attested person must be the one who acts, and hold the `permission` it takes."""
    if attestation.user.pk != op.actor_id:
        raise SignatureRefused("A signature belongs to the person who acts; sign with your own name.")
    if permission not in PERMISSIONS.get(meaning, ()):
        raise SignatureRefused(f"Nobody signs “{meaning}” with the permission to {permission.value}.")
    require(attestation.user, permission)
    text = canonical(manifest)
    signature = Signature(
        operation=op,
        signer=attestation.user,
        full_name=attestation.user.full_name,
        username=attestation.user.username,
        role=acting_role(attestation.user, permission),
        meaning=meaning,
        subject=op.subject,
        covers=covers,
        reason=op.reason,
        factors="+".join(attestation.factors),
        manifest=text,
        manifest_sha256=hashlib.sha256(text.encode()).hexdigest(),
        software_version=settings.VERSION,
        time_zone=settings.TIME_ZONE,
    )
    signature.statement_sha256 = digest_of(statement_of(signature))
    signature.save(force_insert=True)
    # Here, and with the operation: an attempt that was refused begins no sequence (21 CFR 11.200(a)(1)(i)).
    sequences.carry_on(attestation.actor, attestation.user)
    return signature


def statement_of(signature: Signature) -> dict[str, object]:
    """Everything that a signature states, but its instant, which the database stamps when the row is written."""
    return {name: getattr(signature, name) for name in STATED}


def is_intact(signature: Signature) -> bool | None:
    """Whether the row still states what was signed. None for a row from before statements were kept."""
    if not signature.statement_sha256:
        return None
    manifest = hashlib.sha256(signature.manifest.encode()).hexdigest()
    return manifest == signature.manifest_sha256 and signature.statement_sha256 == digest_of(statement_of(signature))


def still_holds(signature: Signature, manifest: Mapping[str, object]) -> bool:
    """Whether what was signed is what is there now (21 CFR 11.70)."""
    return signature.manifest == canonical(manifest)


def part_holds(signature: Signature, part: Mapping[str, object]) -> bool:
    """Whether this part of what was signed is what is there now, where the rest was bound to its instant."""
    signed = json.loads(signature.manifest)
    return canonical({key: signed.get(key) for key in part}) == canonical(part)
