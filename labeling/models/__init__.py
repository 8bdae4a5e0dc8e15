from labeling.models.batches import Batch, Deviation, Entry, Result, TimerEvent, Verification
from labeling.models.bench import Dispatch, LineClearance, Scan
from labeling.models.containers import Container, ContainerEvent, DecayStorage, WasteSurvey
from labeling.models.controlled import ControlledVersion, ProtocolVersion, SpecificationVersion
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
    "Dispatch",
    "Entry",
    "Equipment",
    "EquipmentCheck",
    "LineClearance",
    "Lot",
    "ProtocolVersion",
    "Result",
    "Scan",
    "SpecificationVersion",
    "TimerEvent",
    "Training",
    "TrainingWithdrawal",
    "Verification",
    "WasteSurvey",
]
