"""What the library ships: every document is read, names its source, and says which of its numbers a site has to set."""

from __future__ import annotations

from pathlib import Path

import pytest

from labeling.domain.basis import stated_numbers
from labeling.domain.protocol import Protocol
from labeling.domain.protocol_reading import parse_protocol
from labeling.domain.specification import check_against, parse_specification

LIBRARY = Path(__file__).parents[2] / "library"
PROTOCOLS = sorted((LIBRARY / "protocols").glob("*.yaml"))
SPECIFICATIONS = sorted((LIBRARY / "specifications").glob("*.yaml"))
FIRST = {"t-cell-labeling", "zr89-oxine-kit"}  # the two that the others are compared with


def _protocol(path: Path) -> Protocol:
    return parse_protocol(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", PROTOCOLS, ids=lambda path: path.stem)
def test_a_protocol_names_its_source_and_how_it_differs(path: Path) -> None:
    protocol = _protocol(path)
    assert protocol.source["title"]
    assert {"doi", "pmcid", "url"} & set(protocol.source)
    assert protocol.differences or protocol.code in FIRST


@pytest.mark.parametrize("path", PROTOCOLS, ids=lambda path: path.stem)
def test_a_protocol_has_a_specification_that_it_fits(path: Path) -> None:
    protocol = _protocol(path)
    text = (LIBRARY / "specifications" / f"{protocol.specification}.yaml").read_text(encoding="utf-8")
    assert check_against(parse_specification(text), protocol) == ()


@pytest.mark.parametrize("path", PROTOCOLS + SPECIFICATIONS, ids=lambda path: path.stem)
def test_every_number_has_a_basis_or_is_a_default(path: Path) -> None:
    numbers = stated_numbers(path.read_text(encoding="utf-8"))
    assert numbers
    assert all(number.is_default != bool(number.basis.strip()) for number in numbers)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert all(number.text in lines[number.line - 1] for number in numbers)


@pytest.mark.parametrize("path", SPECIFICATIONS, ids=lambda path: path.stem)
def test_a_specification_is_used_by_a_protocol(path: Path) -> None:
    assert path.stem in {_protocol(protocol).specification for protocol in PROTOCOLS}


def test_the_routes_and_the_cells_are_there() -> None:
    protocols = [_protocol(path) for path in PROTOCOLS]
    assert {p.code for p in protocols if p.kind == "synthesis"} == {
        *("zr89-oxine-kit", "zr89-oxine-extraction", "zr89-oxine-aqueous"),
    }
    assert {p.code for p in protocols if p.kind == "labeling"} == {
        *("t-cell-labeling", "car-t-cell-labeling", "nk-cell-labeling", "dendritic-cell-labeling"),
        *("leukocyte-labeling", "stem-cell-labeling", "in111-leukocyte-labeling"),
    }


def test_the_nuclide_is_a_parameter() -> None:
    assert _protocol(LIBRARY / "protocols" / "in111-leukocyte-labeling.yaml").nuclide == "In-111"


def test_the_basis_stands_with_its_number() -> None:
    text = (LIBRARY / "protocols" / "car-t-cell-labeling.yaml").read_text(encoding="utf-8")
    numbers = {number.place: number for number in stated_numbers(text)}
    warning = numbers["results.specific_activity.warning_limit.max"]
    assert warning.text == "70"
    assert "PMC6167529" in warning.basis
    assert numbers["results.specific_activity.action_limit.max"].is_default
