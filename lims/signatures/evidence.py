"""What stands behind a signature: its content, who the signer is and how that was checked, and the seal it lies in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from lims.accounts import statement
from lims.accounts.models import Acceptance, IdentityCheck
from lims.audit.models import Block, Operation
from lims.signatures.manifestation import signature_row
from lims.signatures.models import Signature
from lims.signatures.signing import statement_of

Json = dict[str, Any]


def evidence_of(signatures: Sequence[Signature]) -> list[Json]:
    """Each signature with its evidence (SIG-10); give them with `operation__actor` selected."""
    signers = {signature.signer_id for signature in signatures}
    checks = list(IdentityCheck.objects.filter(user__in=signers).select_related("checked_by").order_by("pk"))
    acceptances = list(Acceptance.objects.filter(user__in=signers).order_by("pk"))
    blocks = _blocks_over([signature.operation for signature in signatures])
    return [
        {
            **signature_row(signature),
            "subject": signature.subject,
            "signed": json.loads(signature.manifest),
            "signed_text": signature.manifest,
            "statement": statement_of(signature),
            "act": _act(signature.operation),
            "seal": _seal(next((b for b in blocks if _covers(b, signature.operation)), None)),
            "signer": {
                "identity_checks": [
                    {"how": c.how, "checked_by": c.checked_by.full_name, "at": c.at.isoformat()}
                    for c in checks
                    if c.user_id == signature.signer_id and c.at <= signature.at
                ],
                "statements_accepted": [
                    _acceptance(a) for a in acceptances if a.user_id == signature.signer_id and a.at <= signature.at
                ],
            },
        }
        for signature in signatures
    ]


def _act(operation: Operation) -> Json:
    return {
        "event": operation.pk,
        "action": operation.action,
        "at": operation.at.isoformat(),
        "source": operation.source,
        "address": operation.address,
    }


def _acceptance(accepted: Acceptance) -> Json:
    """The text is that of the hash; a program whose statement has changed since then keeps the hash alone."""
    return {
        "version": accepted.version,
        "sha256": accepted.sha256,
        "text": statement.TEXT if accepted.sha256 == statement.SHA256 else None,
        "factors": accepted.factors.split("+"),
        "at": accepted.at.isoformat(),
    }


def _blocks_over(operations: Iterable[Operation]) -> list[Block]:
    """The blocks in which these acts can lie, without their lists of leaves."""
    numbers = [operation.txid for operation in operations]
    if not numbers:
        return []
    return list(Block.objects.defer("leaves").filter(from_txid__lte=max(numbers), until_txid__gt=min(numbers)))


def _covers(block: Block, operation: Operation) -> bool:
    return block.cluster == operation.cluster and block.from_txid <= operation.txid < block.until_txid


def _seal(block: Block | None) -> Json | None:
    """None while no block covers the act yet: the newest acts are sealed within seconds."""
    if block is None:
        return None
    return {
        "block": block.number,
        "hash": block.hash,
        "previous_hash": block.previous_hash,
        "root": block.root,
        "mac": block.mac,
        "key": block.key,
        "sealed_at": block.sealed_at.isoformat(),
    }
