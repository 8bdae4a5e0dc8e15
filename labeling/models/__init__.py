from labeling.models.batches import Batch, Deviation, Entry, Result, TimerEvent, Verification
from labeling.models.controlled import ControlledVersion, ProtocolVersion, SpecificationVersion
from labeling.models.downtime import DowntimeSheet, ScanContent, SheetScan
from labeling.models.equipment import Calibration, Equipment, EquipmentCheck
from labeling.models.materials import Lot
from labeling.models.nuclides import AdoptedNuclide

__all__ = [
    "AdoptedNuclide",
    "Batch",
    "Calibration",
    "ControlledVersion",
    "Deviation",
    "DowntimeSheet",
    "Entry",
    "Equipment",
    "EquipmentCheck",
    "Lot",
    "ProtocolVersion",
    "Result",
    "ScanContent",
    "SheetScan",
    "SpecificationVersion",
    "TimerEvent",
    "Verification",
]
