"""A dry run: every shipped protocol calculates from its own examples, and what a batch would refuse is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from labeling.domain.criteria import Verdict
from labeling.domain.dry_run import DryRun, Example, by_name, dry_run, examples, needed_fields
from labeling.domain.nuclides import nuclide
from labeling.domain.protocol import Protocol
from labeling.domain.protocol_reading import parse_protocol
from labeling.domain.specification import parse_specification
from lims.errors import InvalidInput

LIBRARY = Path(__file__).parents[2] / "library" / "protocols"
BEYOND = ("warning", "action")
BEGINS = datetime(2026, 3, 3, 8, tzinfo=timezone(timedelta(hours=1)))


def _protocol(code: str) -> Protocol:
    return parse_protocol((LIBRARY / f"{code}.yaml").read_text(encoding="utf-8"))


def _run(protocol: Protocol, **changed: Example | None) -> DryRun:
    given = {example.name: example for example in examples(protocol, begins_at=BEGINS)}
    given |= {name.replace("__", "."): example for name, example in changed.items() if example is not None}
    left = [entry for name, entry in given.items() if changed.get(name.replace(".", "__"), entry) is not None]
    return dry_run(protocol, left, nuclide=nuclide(protocol.nuclide))


@pytest.mark.parametrize("path", sorted(LIBRARY.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_protocol_calculates_from_its_examples(path: Path) -> None:
    protocol = _protocol(path.stem)
    run = _run(protocol)
    assert run.refused == ()
    assert run.out_of_range == ()
    assert len(run.results) == len(protocol.results)
    for result in run.results:
        assert result.value is not None, (result.key, result.missing, result.error)
        assert result.worked
    assert run.expires_at is not None


@pytest.mark.parametrize("path", sorted(LIBRARY.glob("*.yaml")), ids=lambda path: path.stem)
def test_no_shipped_example_breaks_a_limit_of_its_own_protocol_or_specification(path: Path) -> None:
    protocol = _protocol(path.stem)
    run = _run(protocol)
    assert {result.key: result.limit_state for result in run.results if result.limit_state in BEYOND} == {}
    assert [result.key for result in run.results if "above_100_percent" in result.flags] == []
    text = (LIBRARY.parent / "specifications" / f"{protocol.specification}.yaml").read_text(encoding="utf-8")
    computed = {result.key: result for result in run.results}
    for test in parse_specification(text).tests:
        found = computed.get(test.from_result or "")
        if found is not None:
            assert test.verdict_of_record(found.value, found.flags) is Verdict.PASS, (test.key, found.value)


def test_an_example_is_a_number_of_a_quantity() -> None:
    text = (LIBRARY / "zr89-oxine-kit.yaml").read_text(encoding="utf-8")
    for wrong, said in (
        (text.replace('example: "100"', "example: much"), "much"),
        (text.replace("material: kit,", 'material: kit, example: "1",'), "only quantities have one"),
    ):
        with pytest.raises(InvalidInput) as refused:
            parse_protocol(wrong)
        assert said in str(refused.value.details)


def test_times_follow_the_order_of_the_work_and_its_timers() -> None:
    protocol = _protocol("t-cell-labeling")
    given = examples(protocol, begins_at=BEGINS)
    times = [example.at for example in given if isinstance(example.at, datetime)]
    assert times == sorted(set(times))
    assert [example.name for example in given] == [f"{step}.{field.key}" for step, field in needed_fields(protocol)]


def test_what_is_left_out_makes_its_results_wait() -> None:
    run = _run(_protocol("t-cell-labeling"), incubate__residual=None)
    by_key = {result.key: result for result in run.results}
    assert by_key["labeling_efficiency"].missing == ("incubate.residual",)
    assert by_key["viability"].value is not None


@pytest.mark.parametrize(
    ("value", "unit", "at", "part"),
    [
        ("3,2", "MBq", BEGINS, "value"),
        ("", "MBq", BEGINS, "value"),
        ("-1", "MBq", BEGINS, "value"),
        ("5", "mL", BEGINS, "unit"),
        ("5", "MBq", "2026-03-03T08:00:00", "at"),
        ("5", "MBq", None, "at"),
    ],
)
def test_an_entry_that_a_batch_would_refuse_is_named(
    value: str, unit: str, at: datetime | str | None, part: str
) -> None:
    run = _run(_protocol("t-cell-labeling"), dispense__dispensed=Example("dispense", "dispensed", value, unit, at))
    assert list(by_name(run.refused)) == ["dispense.dispensed"]
    assert run.refused[0].part == part
    assert {r.key for r in run.results if r.value is None} == {"labeling_efficiency", "mass_balance"}


def test_a_value_outside_its_range_is_calculated_with_and_said() -> None:
    protocol = _protocol("t-cell-labeling")
    known = {example.name: example for example in examples(protocol, begins_at=BEGINS)}
    run = _run(protocol, dispense__dispensed=replace(known["dispense.dispensed"], value="500"))
    assert run.out_of_range == ("dispense.dispensed",)
    assert all(result.value is not None for result in run.results)


def test_a_field_that_is_not_there_is_refused() -> None:
    protocol = _protocol("t-cell-labeling")
    run = dry_run(protocol, [Example("nowhere", "x", "1", "", datetime.now(UTC))], nuclide=nuclide("Zr-89"))
    assert run.refused[0].name == "nowhere.x"
