"""Sign content, never a row's number: the manifest is what the signer was shown."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from lims.accounts.attestation import Attestation
from lims.accounts.roles import Permission, acting_role, require
from lims.audit.models import Operation
from lims.errors import SignatureRefused
from lims.signatures.meanings import Meaning
from lims.signatures.models import Signature


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
    """Sign `manifest` inside `op`. The attested person must be the one who acts, and hold `permission`."""
    if attestation.user.pk != op.actor_id:
        raise SignatureRefused("A signature belongs to the person who acts; sign with your own name.")
    require(attestation.user, permission)
    text = canonical(manifest)
    return Signature.objects.create(
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
    )


def still_holds(signature: Signature, manifest: Mapping[str, object]) -> bool:
    """Whether what was signed is what is there now (21 CFR 11.70)."""
    return signature.manifest == canonical(manifest)
