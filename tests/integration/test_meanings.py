"""What a signature can mean is a closed list, and each meaning takes the permission of its act (SIG-2)."""

from __future__ import annotations

import pytest

from lims.accounts.attestation import Attestation, attest
from lims.accounts.roles import Permission, roles_with
from lims.audit.operations import operation
from lims.errors import DomainError, PermissionRefused, SignatureRefused
from lims.signatures.meanings import PERMISSIONS, Meaning
from lims.signatures.models import Signature
from lims.signatures.signing import sign
from tests.factories import People, credential


@pytest.mark.requirement("SIG-2")
def test_every_meaning_has_its_words_and_permission() -> None:
    assert set(PERMISSIONS) == set(Meaning)
    assert all(PERMISSIONS.values())
    assert len({meaning.text for meaning in Meaning}) == len(Meaning)


def signed(attestation: Attestation, meaning: Meaning, permission: Permission) -> str:
    with operation(actor=attestation.actor, action="a.test") as op:
        try:
            sign(op, attestation, meaning=meaning, permission=permission, covers="a test", manifest={})
        except DomainError as refusal:
            return refusal.code
    return "signed"


@pytest.mark.requirement("SIG-2")
def test_a_meaning_is_signed_with_its_own_permission_and_no_other(who: People) -> None:
    attestation = attest(who.quality, credential("quality"), purpose="a test")
    held = {permission for permission in Permission if "quality" in roles_with(permission)}
    assert len(held) > 10
    for meaning in Meaning:
        for permission in Permission:
            outcome = "signed" if permission in held else PermissionRefused.code
            expected = outcome if permission in PERMISSIONS[meaning] else SignatureRefused.code
            assert signed(attestation, meaning, permission) == expected, (meaning, permission)
    assert Signature.objects.filter(covers="a test").count() == sum(len(held & PERMISSIONS[m]) for m in Meaning)


@pytest.mark.requirement("SIG-2")
def test_a_meaning_that_is_not_in_the_list_is_refused(who: People) -> None:
    attestation = attest(who.quality, credential("quality"), purpose="a test")
    with (
        operation(actor=attestation.actor, action="a.test") as op,
        pytest.raises(SignatureRefused, match="applauded"),
    ):
        sign(op, attestation, meaning="applauded", permission=Permission.ACCEPT_LOT, covers="x", manifest={})  # type: ignore[arg-type]
    assert not Signature.objects.filter(meaning="applauded").exists()
