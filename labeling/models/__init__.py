from labeling.models.batches import Batch, Deviation, Entry, Result, TimerEvent, Verification
from labeling.models.bench import Dispatch, LineClearance, Scan
from labeling.models.codes import Code
from labeling.models.containers import Container, ContainerEvent, DecayStorage, WasteSurvey
from labeling.models.controlled import ControlledVersion, ProtocolVersion, SpecificationVersion
from labeling.models.downtime import DowntimeSheet, ScanContent, SheetScan
from labeling.models.equipment import (
    Calibration,
    CheckSource,
    Equipment,
    EquipmentCheck,
    EquipmentRules,
    ServiceStatus,
)
from labeling.models.materials import Lot
from labeling.models.nuclides import AdoptedNuclide
from labeling.models.receipts import CalibrationCertificate, CertificateFile, LotCertificate, PackageSurvey, Withdrawal
from labeling.models.restating import Reevaluation, RestatedReading, Restatement, UncheckedUse
from labeling.models.training import Training, TrainingWithdrawal

__all__ = [
    "AdoptedNuclide",
    "Batch",
    "Calibration",
    "CalibrationCertificate",
    "CertificateFile",
    "CheckSource",
    "Code",
    "Container",
    "ContainerEvent",
    "ControlledVersion",
    "DecayStorage",
    "Deviation",
    "Dispatch",
    "DowntimeSheet",
    "Entry",
    "Equipment",
    "EquipmentCheck",
    "EquipmentRules",
    "LineClearance",
    "Lot",
    "LotCertificate",
    "PackageSurvey",
    "ProtocolVersion",
    "Reevaluation",
    "RestatedReading",
    "Restatement",
    "Result",
    "Scan",
    "ScanContent",
    "ServiceStatus",
    "SheetScan",
    "SpecificationVersion",
    "TimerEvent",
    "Training",
    "TrainingWithdrawal",
    "UncheckedUse",
    "Verification",
    "WasteSurvey",
    "Withdrawal",
]
