"""The second person's review of test results: one, or all that wait in one act with a signature for each."""

from __future__ import annotations

from collections.abc import Mapping

from lims.accounts.actors import Actor
from lims.accounts.attestation import Attestation, Credential, attest
from lims.accounts.roles import Permission
from lims.audit.models import Operation
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput, SegregationOfDuties, Stale
from lims.signatures.meanings import Meaning
from lims.signatures.signing import digest_of, sign
from qc.models import Review, TestResult
from qc.services.results import locked_result, result_manifest


def review_result(
    *, actor: Actor, number: str, result_id: int, credential: Credential, seen: str = "", revision: int | None = None
) -> Review:
    """A second person has seen a result with its raw data: a series of one."""
    shown = {result_id: seen}
    return review_results(actor=actor, number=number, shown=shown, credential=credential, revision=revision)[0]


def review_results(
    *, actor: Actor, number: str, shown: Mapping[int, str], credential: Credential, revision: int | None = None
) -> list[Review]:
    """A second person has seen results with their raw data, and signs for each in one act (21 CFR 11.200(a)(1)(i)).

    `shown` holds for each result the digest of what they were shown (of `result_manifest`; "" where a client showed
    none): one attestation, and one signature over the manifest of each result. All are recorded or none. Raises Stale,
    Conflict, or SegregationOfDuties for who recorded one of them.
    """
    if not shown:
        raise InvalidInput("Choose at least one result to review.", code="required", field="results")
    attestation = attest(actor, credential, purpose="result.review")
    attestation.require(Permission.REVIEW_RESULT)
    with operation(actor=attestation.actor, action="result.review", subject=number) as op:
        results = [locked_result(op, number, result_id, revision) for result_id in shown]
        for result in results:
            _refuse_changed(result, seen=shown[result.pk])
        _refuse_own_work(attestation.user.pk, results)
        return [_reviewed(op, attestation, result) for result in results]


def _reviewed(op: Operation, attestation: Attestation, result: TestResult) -> Review:
    signature = sign(
        op,
        attestation,
        meaning=Meaning.REVIEWED,
        permission=Permission.REVIEW_RESULT,
        covers=f"test {result.test} of {op.subject}",
        manifest=result_manifest(result),
    )
    return Review.objects.create(test_result=result, signature=signature)


def recorders_of(result: TestResult) -> set[int]:
    """Who recorded it, and who recorded what it corrects."""
    earlier = recorders_of(result.corrects) if result.corrects else set()
    return {result.recorded_by_id} | earlier


def _title(result: TestResult) -> str:
    return result.specification_version.document.test(result.test).title


def _refuse_changed(result: TestResult, *, seen: str) -> None:
    if hasattr(result, "review"):
        raise Conflict(f"{_title(result)}: this result was reviewed already.", code="already_recorded")
    if seen and seen != digest_of(result_manifest(result)):
        raise Stale(f"{_title(result)} is not as it was shown to you. Look at it again.")


def _refuse_own_work(user_id: int, results: list[TestResult]) -> None:
    own = [_title(result) for result in results if user_id in recorders_of(result)]
    if own:
        them = "this result" if len(own) == 1 else "these results"
        raise SegregationOfDuties(
            f"You recorded {them} yourself: {', '.join(own)}. Another person has to review what you recorded. "
            "Nothing was signed."
        )
