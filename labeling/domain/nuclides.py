"""Evaluated nuclear data that calculations stand on, each value with its source (`library/nuclides.yaml`)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

from labeling.domain.documents import Findings, Section, read_document
from labeling.domain.quantities import parse_nonnegative, parse_number
from labeling.domain.uncertainty import Number, variable
from labeling.domain.units import dimension_of, quoted, unit
from lims.errors import InvalidInput

LIBRARY = Path(__file__).resolve().parents[2] / "library" / "nuclides.yaml"
TIME = dimension_of("s")


@dataclass(frozen=True, slots=True)
class Emission:
    energy_kev: str
    per_decay: str
    kind: str  # gamma, annihilation, beta+


@dataclass(frozen=True, slots=True, eq=False)
class Nuclide:
    """A nuclide with the half-life a calculation uses, as its source states it.

    `half_life` in seconds is one independent variable: everything corrected with it shares its uncertainty.
    """

    code: str
    value: str
    unit: str
    u: str | None
    source: str
    half_life: Number
    retrieved: str = ""
    daughter: str | None = None
    emissions: tuple[Emission, ...] = ()

    @property
    def stated(self) -> str:
        """The half-life as written, with the uncertainty of its last digits: `78.41(12) h`."""
        if self.u is None:
            return f"{self.value} {self.unit}"
        value, u = Decimal(self.value), Decimal(self.u)
        exponent = u.as_tuple().exponent
        if value.as_tuple().exponent != exponent or not isinstance(exponent, int) or u >= 1 > exponent < 0:
            return f"{self.value} ± {self.u} {self.unit}"
        return f"{self.value}({int(u.scaleb(-exponent))}) {self.unit}"


def nuclide_with(
    code: str,
    *,
    half_life: str,
    unit_symbol: str,
    u: str | None,
    source: str,
    retrieved: str = "",
    daughter: str | None = None,
    emissions: tuple[Emission, ...] = (),
) -> Nuclide:
    """A nuclide from a half-life as stated. A half-life of zero or less, or in no unit of time, is refused."""
    measured_in = unit(unit_symbol, field="half_life.unit")
    if measured_in.dimension != TIME:
        raise InvalidInput(
            f"half_life: {unit_symbol} is not a unit of time.", code="wrong_unit", field="half_life.unit"
        )
    value = parse_number(half_life, field="half_life")
    if value <= 0:
        raise InvalidInput(
            f"half_life: a half-life of {half_life} {unit_symbol} cannot be; it is greater than zero.",
            code="not_positive",
            field="half_life",
        )
    spread = None if u is None else float(parse_nonnegative(u, field="half_life.u") * measured_in.factor)
    seconds = variable(float(value * measured_in.factor), spread, f"half-life of {code}")
    return Nuclide(code, half_life, measured_in.symbol, u, source, seconds, retrieved, daughter, emissions)


def nuclide(code: str, *, field: str = "nuclide") -> Nuclide:
    """The library's nuclide of that code, such as `Zr-89`."""
    known = library().get(code)
    if known is None:
        raise InvalidInput(
            f"{field}: the nuclide {quoted(code)} is not in the library; known are {', '.join(sorted(library()))}.",
            code="unknown_nuclide",
            field=field,
        )
    return known


@cache
def library() -> dict[str, Nuclide]:
    return parse_nuclides(LIBRARY.read_text(encoding="utf-8"))


def parse_nuclides(text: str) -> dict[str, Nuclide]:
    """The nuclides of a library document. Each states a half-life and where it was taken from."""
    findings = Findings()
    document = Section(read_document(text), findings, "The nuclide library")
    document.only(["nuclides"])
    sections = document.sections("nuclides", "The nuclide", identified_by="nuclide")
    parsed = [_nuclide(section) for section in sections]
    findings.raise_if_any()
    return {entry.code: entry for entry in parsed if entry is not None}


def _nuclide(section: Section) -> Nuclide | None:
    section.only(["nuclide", "half_life", "decays_to", "emissions", "source", "retrieved", "note"])
    half_life = section.section("half_life", "The half-life")
    if half_life is None:
        section.fault(None, 'The nuclide lacks its "half_life".')
        return None
    half_life.only(["value", "unit", "u"])
    try:
        return nuclide_with(
            section.text("nuclide", required=True),
            half_life=half_life.text("value", required=True),
            unit_symbol=half_life.text("unit", required=True),
            u=half_life.decimal("u"),
            source=section.text("source", required=True),
            retrieved=section.text("retrieved", required=True),
            daughter=section.optional_text("decays_to"),
            emissions=tuple(_emission(emission) for emission in section.sections("emissions", "The emission")),
        )
    except InvalidInput as refusal:
        half_life.fault(None, refusal.message)
        return None


def _emission(section: Section) -> Emission:
    section.only(["energy_kev", "per_decay", "kind"])
    energy, yield_ = section.decimal("energy_kev") or "", section.decimal("per_decay") or ""
    return Emission(energy, yield_, section.choice("kind", ("gamma", "annihilation", "beta+")))
