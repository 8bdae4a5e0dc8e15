from labeling.models.batches import Batch, Deviation, Entry, Result, TimerEvent, Verification
from labeling.models.containers import Container, ContainerEvent, DecayStorage, WasteSurvey
from labeling.models.controlled import ControlledVersion, ProtocolVersion, SpecificationVersion
from labeling.models.downtime import DowntimeSheet, ScanContent, SheetScan
from labeling.models.equipment import Calibration, Equipment, EquipmentCheck
from labeling.models.materials import Lot
from labeling.models.nuclides import AdoptedNuclide
from labeling.models.training import Training, TrainingWithdrawal

__all__ = [
    "AdoptedNuclide",
    "Batch",
    "Calibration",
    "Container",
    "ContainerEvent",
    "ControlledVersion",
    "DecayStorage",
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
    "Training",
    "TrainingWithdrawal",
    "Verification",
    "WasteSurvey",
]
