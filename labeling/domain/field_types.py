"""The types of field that a protocol may have, and what a value of each may be."""

from __future__ import annotations

from collections.abc import Mapping

from labeling.domain import inputs
from labeling.domain.units import Dimension, dimension_of

PER_VOLUME = tuple(dimension_of(symbol) for symbol in ("MBq/mL", "mg/mL", "mol/L", "cells/mL", "EU/mL"))
# Dimensions a field of each type may have, and its unit where none is written. No dimension: any unit will do.
QUANTITY_TYPES: Mapping[str, tuple[tuple[Dimension, ...], str]] = {
    "activity": ((inputs.ACTIVITY,), ""),
    "counts": ((inputs.PLAIN, inputs.COUNT_RATE), "1"),
    "mass": ((inputs.MASS,), ""),
    "volume": ((inputs.VOLUME,), ""),
    "concentration": (PER_VOLUME, ""),
    "ph": ((dimension_of("pH"),), "pH"),
    "temperature": ((inputs.TEMPERATURE,), ""),
    "duration": ((inputs.TIME,), ""),
    "cells": ((inputs.CELLS, dimension_of("cells/mL")), "cells"),
    "number": ((), "1"),
}
OTHER_TYPES = ("text", "choice", "check", "lot", "identity", "file")
FIELD_TYPES = (*QUANTITY_TYPES, *OTHER_TYPES)
SIGNED_TYPES = ("temperature", "number")  # where less than zero is a value and no mistake
