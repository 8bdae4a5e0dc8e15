"""The specification document: what a product must meet, test by test, and what must be known before its release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from labeling.domain.criteria import Criterion, Verdict, judge, judge_computed
from labeling.domain.documents import Findings, Section, read_document
from labeling.domain.formulas import ABOVE_100, catalogue
from labeling.domain.protocol import Protocol
from labeling.domain.protocol_reading import code
from labeling.domain.units import dimension_of, unit
from lims.errors import InvalidInput

TEST_KEYS = ("key", "title", "unit", "type", "min", "max", "accept", "required_before", "formula", "from_result",
             "start_within_hours", "days", "conditional_release", "basis")  # fmt: skip
TYPES = ("number", "choice")
STAGES = ("release", "final")


@dataclass(frozen=True, slots=True)
class SpecificationTest:
    key: str
    title: str
    unit: str | None
    type: str
    criterion: Criterion
    required_before: str
    formula: str | None = None
    from_result: str | None = None
    start_within_hours: str | None = None
    days: str | None = None
    conditional_release_forbidden: bool = False

    @property
    def is_computed(self) -> bool:
        """The value is never typed: it comes out of raw data or of the batch record."""
        return self.formula is not None or self.from_result is not None

    @property
    def output(self) -> str | None:
        """The formula's output that is the test's result."""
        return catalogue()[self.formula].primary if self.formula else None

    def verdict_of_record(self, value: str | None, flags: Sequence[str] = ()) -> Verdict:
        """The verdict of a value that is read from the batch record, a result with its flags or an entry."""
        if value is None:
            return Verdict.MISSING
        is_computed = self.from_result is not None and "." not in self.from_result
        verdict = judge_computed(self.criterion, value) if is_computed else judge(self.criterion, value)
        return Verdict.INCONCLUSIVE if verdict is Verdict.PASS and impossible_share(self, flags) else verdict


def impossible_share(test: SpecificationTest, flags: Sequence[str]) -> bool:
    """More than the whole: the readings contradict each other, so that a limit from below cannot be shown to be met."""
    return ABOVE_100 in flags and test.criterion.max is None


@dataclass(frozen=True, slots=True)
class Specification:
    code: str
    title: str
    tests: tuple[SpecificationTest, ...]

    def test(self, key: str) -> SpecificationTest:
        for test in self.tests:
            if test.key == key:
                return test
        raise InvalidInput(f'The specification {self.code} has no test "{key}".', code="unknown_test", field="test")


@lru_cache(maxsize=64)
def parse_specification(text: str) -> Specification:
    """The specification that a document describes. `InvalidInput` (`document_invalid`) names every line at fault."""
    findings = Findings()
    document = Section(read_document(text), findings, "The specification")
    document.only(["specification", "title", "tests"])
    tests = tuple(_test(section) for section in document.sections("tests", "The test"))
    if not tests:
        document.fault("tests", "A specification without tests would release everything.")
    parsed_code, title = code(document, "specification"), document.text("title", required=True)
    findings.raise_if_any()
    return Specification(parsed_code, title, tuple(test for test in tests if test is not None))


def check_against(specification: Specification, protocol: Protocol) -> tuple[str, ...]:
    """What a specification reads from the batch record and the protocol does not provide, as sentences."""
    problems = []
    for test in specification.tests:
        if test.from_result is None:
            continue
        kind = protocol.kinds.get(test.from_result)
        if kind is None:
            problems.append(f'The test "{test.key}" reads "{test.from_result}", which {protocol.code} does not record.')
        elif test.unit and kind.is_quantity and kind.dimension != dimension_of(test.unit):
            problems.append(f'The test "{test.key}" is in {test.unit}, and "{test.from_result}" is {kind.dimension}.')
    return tuple(problems)


def _test(section: Section) -> SpecificationTest | None:
    section.only(TEST_KEYS)
    kind = section.choice("type", TYPES, default="number")
    formula, from_result = section.optional_text("formula"), section.optional_text("from_result")
    if formula and from_result:
        section.fault("from_result", 'A test has a "formula" or a "from_result", not both.')
    forbidden = section.choice("conditional_release", ["forbidden"], default="") == "forbidden"
    criterion = _criterion(section, kind)
    measured_in = _unit(section, kind)
    if formula:
        _check_formula(section, formula, measured_in)
    key, title = section.key(), section.text("title", required=True)
    stage = section.choice("required_before", STAGES)
    hours, days = section.decimal("start_within_hours"), section.decimal("days")
    if criterion is None:
        return None
    return SpecificationTest(
        key, title, measured_in, kind, criterion, stage, formula, from_result, hours, days, forbidden
    )


def _criterion(section: Section, kind: str) -> Criterion | None:
    (lower, upper), accept = section.limits(), section.texts("accept")
    if kind == "choice" and ((lower or upper) or not accept):
        section.fault(None, 'A test of type "choice" has "accept", and neither "min" nor "max".')
        return None
    if kind == "number" and (accept or not (lower or upper)):
        section.fault(None, 'A test of type "number" has a "min", a "max" or both, and no "accept".')
        return None
    try:
        return Criterion(min=lower, max=upper, accept=accept)
    except InvalidInput:
        return None  # the minimum exceeds the maximum, which `limits` has reported with its line


def _unit(section: Section, kind: str) -> str | None:
    written = section.optional_text("unit")
    if written is None:
        return None
    if kind == "choice":
        section.fault("unit", 'A test of type "choice" has no "unit".')
        return None
    try:
        return unit(written).symbol
    except InvalidInput as refusal:
        section.fault("unit", refusal.message)
        return None


def _check_formula(section: Section, formula: str, measured_in: str | None) -> None:
    known = catalogue().get(formula)
    if known is None:
        section.fault("formula", f'There is no formula "{formula}"; there are {", ".join(sorted(catalogue()))}.')
    elif known.primary is None:
        section.fault("formula", f"{formula} has several outputs, none of which is the one result of a test.")
    else:
        output = known.outputs[known.primary]
        if dimension_of(measured_in or "1") != dimension_of(output.unit):
            section.fault("unit", f"{formula} gives a result in {output.unit}, and {measured_in} is no unit of that.")
