from labeling.models.batches import Batch, Deviation, Entry, Result, TimerEvent, Verification
from labeling.models.containers import Container, ContainerEvent, DecayStorage, WasteSurvey
from labeling.models.controlled import ControlledVersion, ProtocolVersion, SpecificationVersion
from labeling.models.equipment import Calibration, Equipment, EquipmentCheck
from labeling.models.materials import Lot
from labeling.models.nuclides import AdoptedNuclide
from labeling.models.receipts import CertificateFile, LotCertificate, PackageSurvey, Withdrawal
from labeling.models.training import Training, TrainingWithdrawal

__all__ = [
    "AdoptedNuclide",
    "Batch",
    "Calibration",
    "CertificateFile",
    "Container",
    "ContainerEvent",
    "ControlledVersion",
    "DecayStorage",
    "Deviation",
    "Entry",
    "Equipment",
    "EquipmentCheck",
    "Lot",
    "LotCertificate",
    "PackageSurvey",
    "ProtocolVersion",
    "Result",
    "SpecificationVersion",
    "TimerEvent",
    "Training",
    "TrainingWithdrawal",
    "Verification",
    "WasteSurvey",
    "Withdrawal",
]
