"""The trail is reviewed before release, up to an event; whatever happens to the record afterwards undoes it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import ProgrammingError, transaction

from labeling.models import Batch
from labeling.services.audit_review import review_audit_trail
from labeling.services.completion import hold_batch, resume_batch
from lims.accounts.actors import Actor
from lims.audit.models import Operation
from lims.audit.operations import operation
from lims.errors import Conflict, NotReleasable, PermissionRefused, SegregationOfDuties, Stale
from lims.oversight.models import AuditReview
from lims.oversight.selectors import trail_of
from qc.selectors import assess, full_batch_document, gate_of
from qc.services.disposition import reject_batch, release_batch
from qc.services.results import record_result
from tests import factories
from tests.factories import People, credential
from tests.integration.rest import Rest

NOT_REVIEWED = "audit_trail_not_reviewed"


def in_quarantine(who: People) -> Batch:
    """Everything that a release asks for, but the review of the trail."""
    batch = factories.completed(who)
    factories.give_results(who, batch.number, factories.campaign()["synthesis"]["test_results"])
    return batch


def codes(batch: Batch) -> list[str]:
    return [blocker["code"] for blocker in gate_of(assess(Batch.objects.get(pk=batch.pk)))["blockers"]]


@pytest.mark.requirement("DI-7")
@pytest.mark.requirement("A11D-12.4-8")
def test_nothing_is_released_before_its_trail_is_reviewed(laboratory: People) -> None:
    batch = in_quarantine(laboratory)
    assert codes(batch) == [NOT_REVIEWED]
    with pytest.raises(NotReleasable, match="audit trail is not reviewed"):
        release_batch(actor=laboratory.releaser, number=batch.number, credential=credential("releaser"))
    factories.review_trail(laboratory, batch.number)
    assert codes(batch) == []
    release_batch(actor=laboratory.releaser, number=batch.number, credential=credential("releaser"))
    assert trail_of(batch.number).reviewed, "the decision itself does not undo the review"


@pytest.mark.requirement("DI-7")
def test_a_batch_whose_trail_nobody_reviewed_can_be_rejected(laboratory: People) -> None:
    batch = in_quarantine(laboratory)
    rejected = reject_batch(
        actor=laboratory.releaser, number=batch.number, credential=credential("releaser"), reason="The vial leaked."
    )
    assert rejected.status == "rejected"


@pytest.mark.requirement("DI-7")
@pytest.mark.requirement("AUD-7")
def test_a_later_event_undoes_the_review_and_its_signature_says_so(laboratory: People, ready: Batch) -> None:
    def holds() -> bool:
        document = full_batch_document(ready.number)
        [signed] = [s for s in document["signatures"] if s["meaning"] == "audit_trail_reviewed"]
        assert signed["holds"] == document["audit_review"]["holds"]
        return bool(signed["holds"])

    assert holds()
    hold_batch(actor=laboratory.quality, number=ready.number, reason="A question about the generator.")
    resume_batch(actor=laboratory.quality, number=ready.number, reason="Answered.")
    assert not holds()
    assert codes(ready) == [NOT_REVIEWED]


@pytest.mark.requirement("DI-7")
@pytest.mark.parametrize("action", ["audit.export", "document.print", "alarm.raise"])
def test_printing_exporting_and_alarms_leave_the_review_standing(laboratory: People, ready: Batch, action: str) -> None:
    with operation(actor=laboratory.quality, action=action, subject=ready.number):
        pass
    assert codes(ready) == []


@pytest.mark.requirement("DI-7")
def test_an_event_that_took_its_number_early_and_committed_late_undoes_the_review(
    laboratory: People, ready: Batch
) -> None:
    """An operation is numbered before it waits for the batch's lock: its number may lie below the reviewed ones."""
    review = AuditReview.objects.get(subject=ready.number)
    below = -1  # any number below the reviewed ones stands for it
    Operation.objects.create(
        pk=below, actor=laboratory.operator.user, role="operator", action="entry.record", subject=ready.number,
        source="page",
    )  # fmt: skip
    assert below < review.up_to_id
    assert codes(ready) == [NOT_REVIEWED]


@pytest.mark.requirement("A11D-12.4-8")
def test_the_reviewer_has_not_made_the_batch(laboratory: People) -> None:
    batch = in_quarantine(laboratory)
    user = laboratory.operator.user
    with operation(actor=laboratory.administrator, action="person.roles", subject=user.username):
        user.roles = ["operator", "reviewer"]
        user.save(update_fields=["roles"])
    with pytest.raises(SegregationOfDuties):
        review_audit_trail(actor=Actor(user), number=batch.number, credential=credential("operator"))


@pytest.mark.requirement("A11D-12.4-8")
@pytest.mark.parametrize("role", ["operator", "analyst", "releaser", "administrator", "inspector"])
def test_only_a_reviewer_reviews(laboratory: People, role: str) -> None:
    batch = in_quarantine(laboratory)
    with pytest.raises(PermissionRefused):
        review_audit_trail(actor=getattr(laboratory, role), number=batch.number, credential=credential(role))


@pytest.mark.requirement("DI-7")
def test_what_the_reviewer_was_shown_is_what_they_sign(laboratory: People) -> None:
    batch = factories.completed(laboratory)
    shown = trail_of(batch.number).last
    record_result(actor=laboratory.analyst, number=batch.number, test="ph", value="7.3")
    with pytest.raises(Stale):
        review_audit_trail(
            actor=laboratory.reviewer, number=batch.number, credential=credential("reviewer"), up_to=shown
        )


def test_a_batch_at_work_is_not_reviewed_yet(laboratory: People) -> None:
    batch = factories.recorded(laboratory, factories.campaign()["synthesis"])
    with pytest.raises(Conflict, match="in progress"):
        factories.review_trail(laboratory, batch.number)


@pytest.mark.requirement("P11-10e")
@pytest.mark.parametrize(
    "attack",
    [
        lambda: AuditReview.objects.update(events=0),
        lambda: AuditReview.objects.all().delete(),
    ],
)
def test_a_review_is_never_changed(laboratory: People, ready: Batch, attack: Callable[[], object]) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        attack()


@pytest.mark.requirement("DI-7")
def test_over_rest_the_review_answers_with_the_event(laboratory: People) -> None:
    batch = in_quarantine(laboratory)
    rest = Rest("reviewer")
    before = rest.get(f"batches/{batch.number}/audit-review/")
    assert (before.data["up_to"], before.data["holds"]) == (None, False)
    answer = rest.signed(f"batches/{batch.number}/audit-review/")
    assert answer.status_code == 201, answer.data
    assert answer.data["up_to"] == before.data["last"] == trail_of(batch.number).last
    assert (answer.data["holds"], answer.data["by"]["username"]) == (True, "reviewer")
    assert rest.signed(f"batches/{batch.number}/audit-review/").status_code == 409
    assert rest.get(f"batches/{batch.number}/disposition/").data["decision_possible"] is True
