"""The release gate: everything that stands against releasing a batch, by name. Absence never passes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from labeling.domain.criteria import Criterion, Verdict
from labeling.domain.lifecycle import RULES, Action, BatchStatus
from labeling.domain.specification import Specification, SpecificationTest


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is known of one test: its value as shown, the verdict, and whether a second person has reviewed it."""

    verdict: Verdict
    shown: str = ""
    reviewed: bool = False


NOTHING = Outcome(Verdict.MISSING)


@dataclass(frozen=True, slots=True)
class Blocker:
    code: str
    detail: str
    test: str = ""
    value: str = ""
    limit: str = ""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What beside the tests decides: where the batch stands, what is open, whether it is still usable."""

    status: BatchStatus
    open_deviations: Sequence[str]  # each with its class in front
    affected_by: Sequence[str]  # assessed: the product is affected
    not_computed: Sequence[str]
    expired: bool
    expires: bool
    trail_reviewed: bool


@dataclass(frozen=True, slots=True)
class Evaluation:
    verdicts: Mapping[str, Verdict]
    blockers: tuple[Blocker, ...]

    @property
    def decision_possible(self) -> bool:
        """Release is possible: something was required, and nothing stands against it."""
        return bool(self.verdicts) and not self.blockers


def evaluate(
    specification: Specification | None, outcomes: Mapping[str, Outcome], circumstances: Circumstances
) -> Evaluation:
    """The gate for one batch. Tests required before `final` are not asked for here."""
    blockers = list(_circumstances(circumstances))
    if specification is None:
        blockers.append(Blocker("no_specification", "There is no specification to judge this batch by."))
        return Evaluation({}, tuple(blockers))
    required = [test for test in specification.tests if test.required_before == "release"]
    if not required:
        blockers.append(Blocker("nothing_required", f"{specification.title} requires no test before release."))
    for test in required:
        blockers.extend(_test(test, outcomes.get(test.key, NOTHING)))
    verdicts = {test.key: outcomes.get(test.key, NOTHING).verdict for test in required}
    return Evaluation(verdicts, tuple(blockers))


def limit_text(criterion: Criterion, unit: str) -> str:
    """A criterion in words: `at least 80 %`, `6.5 to 8.0`, `negative`."""
    if criterion.accept:
        return " or ".join(criterion.accept)
    suffix = f" {unit}" if unit and unit != "pH" else ""
    if criterion.min is not None and criterion.max is not None:
        return f"{criterion.min} to {criterion.max}{suffix}"
    if criterion.min is not None:
        return f"at least {criterion.min}{suffix}"
    return f"at most {criterion.max}{suffix}"


def _circumstances(now: Circumstances) -> Iterable[Blocker]:
    if now.status not in RULES[Action.RELEASE].sources:
        yield Blocker(
            "wrong_status", f"The batch is {now.status.label.lower()}; only a batch in quarantine is released."
        )
    for text in now.open_deviations:
        yield Blocker("open_deviation", f"A deviation is not assessed. {text}")
    for text in now.affected_by:
        yield Blocker("product_affected", f"A deviation affects the product, which can only be rejected: {text}")
    for text in now.not_computed:
        yield Blocker("result_not_computed", text)
    if not now.expires:
        yield Blocker("no_expiry", "The batch has no expiry time yet.")
    elif now.expired:
        yield Blocker("expired", "The batch has expired.")
    if not now.trail_reviewed:
        yield Blocker("audit_trail_not_reviewed", "The audit trail is not reviewed up to its last event.")


def _test(test: SpecificationTest, outcome: Outcome) -> Iterable[Blocker]:
    limit = limit_text(test.criterion, test.unit or "")
    if outcome.verdict is Verdict.MISSING:
        yield Blocker("test_missing", f"{test.title} has no result.", test.key, "", limit)
    elif outcome.verdict is Verdict.FAIL:
        yield Blocker(
            "test_failed", f"{test.title} is {outcome.shown}; the limit is {limit}.", test.key, outcome.shown, limit
        )
    elif outcome.verdict is Verdict.INCONCLUSIVE:
        yield Blocker(
            "test_inconclusive",
            f"{test.title} is {outcome.shown}, which cannot be shown to conform to the limit, {limit}.",
            test.key,
            outcome.shown,
            limit,
        )
    if outcome.verdict is not Verdict.MISSING and not outcome.reviewed:
        yield Blocker("test_not_reviewed", f"{test.title} is not reviewed.", test.key, outcome.shown, limit)
