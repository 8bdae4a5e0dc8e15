"""What was recorded, as quantities to calculate with: each entry once, so that its uncertainty is shared."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from labeling.domain import worksheet
from labeling.domain.measurements import Moment, Quantity, measured
from labeling.domain.protocol import Field, Protocol
from labeling.domain.quantities import parse_instant, parse_nonnegative, parse_number
from labeling.domain.uncertainty import Number, variable
from labeling.domain.units import unit
from lims.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Recorded:
    """The current entry of one field: the value as decimal text, its unit, its instant and the instrument's code.

    `u` is a standard uncertainty in the entry's unit. `factor` is the instrument's calibration factor for this reading,
    by which the value as read is multiplied.
    """

    step: str
    field: str
    value: str
    unit: str | None
    at: datetime | None
    u: str | None = None
    instrument: str | None = None
    factor: str = "1"


@dataclass(frozen=True, slots=True)
class InstrumentCalibration:
    """What is known of an instrument in its validity period, as relative standard uncertainties in %.

    All readings made on it share the calibration; each reading has its own repeatability.
    """

    relative_u_percent: str | None
    repeatability_percent: str | None = None


@dataclass(slots=True)
class Entries:
    """The current entries of a batch, keyed `step.field`."""

    protocol: Protocol
    recorded: Mapping[str, Recorded]
    instruments: Mapping[str, InstrumentCalibration]
    _read: dict[str, Quantity | Moment] = field(default_factory=dict)
    _factors: dict[str, Number] = field(default_factory=dict)

    def is_absent(self, name: str) -> bool:
        entry = self.recorded.get(name)
        return entry is None or not str(entry.value).strip()

    def item(self, name: str) -> Quantity | Moment:
        if name not in self._read:
            step, _, key = name.partition(".")
            self._read[name] = self._item(name, self.recorded[name], self.protocol.field(step, key))
        return self._read[name]

    def _item(self, name: str, entry: Recorded, definition: Field) -> Quantity | Moment:
        at = None if entry.at is None else parse_instant(entry.at, field=name)
        if not definition.is_quantity:
            if at is None:
                raise InvalidInput(f"{name} has no instant.", code="missing_instant", field=name)
            return Moment(name, at)
        measured_in = unit(entry.unit or definition.unit, field=name)
        number = parse_number(entry.value, field=name)
        spread = self._spread(entry, definition, float(number), name)
        in_canonical = None if spread is None else spread * float(measured_in.factor)
        factor = self._calibration(entry.instrument)
        as_read = variable(float(measured_in.to_canonical(number)), in_canonical, name)
        is_one = Decimal(entry.factor) == 1
        typed = str(entry.value).strip()
        return measured(
            name,
            as_read * factor if is_one else as_read * float(entry.factor) * factor,
            measured_in,
            typed=typed if is_one else f"({typed} × {worksheet.number(float(entry.factor))})",
            unstated=() if spread is not None else (name,),
            states_u=spread is not None or not isinstance(factor, float),
            at=at,
        )

    def _spread(self, entry: Recorded, definition: Field, value: float, name: str) -> float | None:
        """The standard uncertainty of one reading by itself: as entered, of the counts, or of the instrument."""
        if entry.u is not None:
            return float(parse_nonnegative(entry.u, field=f"{name}.u"))
        if definition.type == "counts" and definition.unit == "1":
            return math.sqrt(max(value, 0.0))
        calibration = self.instruments.get(entry.instrument or "")
        if calibration is None or calibration.repeatability_percent is None:
            return None
        return abs(value) * float(calibration.repeatability_percent) / 100

    def _calibration(self, instrument: str | None) -> Number:
        """The instrument's calibration factor, one variable for all readings made on it."""
        if instrument is None or instrument not in self.instruments:
            return 1.0
        if instrument not in self._factors:
            percent = self.instruments[instrument].relative_u_percent
            relative = None if percent is None else float(percent) / 100
            self._factors[instrument] = variable(1.0, relative, f"calibration of {instrument}")
        return self._factors[instrument]
