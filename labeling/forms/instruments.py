"""Forms of the instruments: register, checks, calibrations, what a site sets, restating."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from labeling.domain.nuclides import library
from labeling.forms.fields import LabForm, LocalInstantField
from labeling.forms.registers import ACTIVITY_UNITS, CODE, NUMBER
from labeling.services.receipts import LARGEST_CERTIFICATE
from lims.accounts.forms import ReasonedSignatureForm
from lims.audit.reasons import ReasonFor

EQUIPMENT_KINDS = (
    *("dose_calibrator", "gamma_counter", "cell_counter", "ph_meter", "balance", "centrifuge", "hood"),
    *("gamma_spectrometer", "survey_meter", "chromatograph", "thermometer", "pipette", "other"),
)
WITH_UNIT = {**NUMBER, "class": "has-unit"}
SERIES = 10


def number(label: str, *, required: bool = False, unit: bool = False, **options: Any) -> forms.CharField:
    widget = forms.TextInput(attrs=WITH_UNIT if unit else NUMBER)
    return forms.CharField(label=label, required=required, max_length=40, widget=widget, **options)


def nuclides(first: str) -> list[tuple[str, str]]:
    return [("", first), *((code, code) for code in sorted(library()))]


class EquipmentForm(LabForm):
    code = forms.CharField(max_length=64, widget=forms.TextInput(attrs=CODE))
    kind = forms.ChoiceField(
        choices=[("", "Choose"), *((k, k.replace("_", " ").replace("ph ", "pH ")) for k in EQUIPMENT_KINDS)]
    )
    name = forms.CharField(required=False, max_length=200)
    serial = forms.CharField(required=False, max_length=64, label="Serial number")
    maker = forms.CharField(required=False, max_length=120)
    model = forms.CharField(required=False, max_length=120)
    location = forms.CharField(required=False, max_length=120)


class LateForm(LabForm):
    """Something that may be recorded long after it was made, and then says why."""

    reason = forms.CharField(required=False, max_length=2000, label="Why it is recorded late")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ask_why(ReasonFor.LATE_ENTRY)

    def clean(self) -> dict[str, Any]:
        typed = super().clean()
        typed.pop("reason_code", None)
        return typed


class CheckForm(LateForm):
    outcome = forms.ChoiceField(choices=[("pass", "Passed"), ("fail", "Failed")], widget=forms.RadioSelect)
    at = LocalInstantField(required=False, label="Checked at")
    note = forms.CharField(required=False, max_length=2000)
    clock_offset_seconds = forms.IntegerField(
        required=False,
        label="Its clock is ahead by",
        widget=forms.NumberInput(attrs={"class": "has-unit", "inputmode": "numeric"}),
    )


class ConstancyForm(LateForm):
    source = forms.ChoiceField(label="Check source")
    value = number("Reading", required=True)
    unit = forms.ChoiceField(choices=ACTIVITY_UNITS, label="Unit")
    background = number("Background, in the same unit")
    setting = number("Setting")
    at = LocalInstantField(required=False, label="Read at")
    note = forms.CharField(required=False, max_length=2000)

    def __init__(self, *args: Any, sources: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = forms.ChoiceField(choices=[("", "Choose"), *sources] if len(sources) != 1 else sources)
        offered.label = "Check source"
        self.fields["source"] = offered
        self.describe()

    def add_error(self, field: str | None, error: Any) -> None:
        """What a service calls the reading is the value here."""
        super().add_error("value" if field == "reading" else field, error)

    def input_named(self, name: str) -> str:
        return "value" if name == "reading" else super().input_named(name)


class SourceForm(LabForm):
    code = forms.CharField(max_length=64, widget=forms.TextInput(attrs=CODE))
    nuclide = forms.ChoiceField(choices=nuclides("Choose"))
    activity = number("Activity on the certificate", required=True)
    unit = forms.ChoiceField(choices=ACTIVITY_UNITS, label="Unit")
    relative_u_percent = number("Relative standard uncertainty", unit=True)
    reference_at = LocalInstantField(label="Stated for")
    certificate = forms.CharField(max_length=120)


class SeriesForm(LateForm):
    """Readings of one decaying source; rows that stay empty are left out."""

    nuclide = forms.ChoiceField(choices=nuclides("Choose"))
    unit = forms.ChoiceField(choices=ACTIVITY_UNITS, label="Unit")
    note = forms.CharField(required=False, max_length=2000)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for row in range(1, SERIES + 1):
            self.fields[f"at_{row}"] = LocalInstantField(required=False, label=f"Time of reading {row}")
            self.fields[f"value_{row}"] = number(f"Reading {row}")
        self.describe()

    @property
    def rows(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        return [(self[f"at_{row}"], self[f"value_{row}"]) for row in range(1, SERIES + 1)]

    def clean(self) -> dict[str, Any]:
        typed = super().clean()
        for row in range(1, SERIES + 1):
            if bool(typed.get(f"value_{row}")) != bool(typed.get(f"at_{row}")):
                self.add_error(f"at_{row}", "A reading and its time belong together.")
        return typed

    @property
    def readings(self) -> list[dict[str, Any]]:
        typed = self.cleaned_data
        return [
            {"value": typed[f"value_{row}"], "unit": typed["unit"], "at": typed[f"at_{row}"]}
            for row in range(1, SERIES + 1)
            if typed[f"value_{row}"]
        ]


class AccuracyForm(LabForm):
    """A reading of each of several certified sources; those that stay empty are left out."""

    unit = forms.ChoiceField(choices=ACTIVITY_UNITS, label="Unit")
    note = forms.CharField(required=False, max_length=2000)

    def __init__(self, *args: Any, sources: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.named = {f"source_{row}": code for row, (code, _) in enumerate(sources)}
        for row, (_, label) in enumerate(sources):
            self.fields[f"source_{row}"] = number(f"Reading of {label}")
        self.describe()

    @property
    def rows(self) -> list[forms.BoundField]:
        return [self[name] for name in self.named]

    @property
    def readings(self) -> list[dict[str, Any]]:
        typed = self.cleaned_data
        given = [(typed[name], code) for name, code in self.named.items() if typed[name]]
        return [{"value": value, "unit": typed["unit"], "source": code} for value, code in given]


class DescriptionForm(LabForm):
    name = forms.CharField(required=False, max_length=200)
    maker = forms.CharField(required=False, max_length=120)
    model = forms.CharField(required=False, max_length=120)
    location = forms.CharField(required=False, max_length=120)
    reason = forms.CharField(max_length=2000)


class AllowanceForm(ReasonedSignatureForm):
    """One reading of one batch, which a second person lets count; `readings` are those there are to choose from."""

    reading = forms.ChoiceField(label="Reading")

    def __init__(self, *args: Any, readings: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = forms.ChoiceField(choices=[("", "Choose"), *readings], label="Reading")
        offered.widget.attrs["aria-describedby"] = f"{self.auto_id}-says" % "reading"
        self.fields["reading"] = offered

    def to_command(self) -> dict[str, str]:
        number, step, field = self.cleaned_data["reading"].split(" ")
        return {"number": number, "step": step, "field": field, "reason": self.cleaned_data["reason"]}


class ServiceForm(LateForm):
    note = forms.CharField(
        max_length=2000, label="What was done, and by whom", widget=forms.Textarea(attrs={"rows": 2})
    )
    at = LocalInstantField(required=False, label="Done at")


class CalibrationForm(LabForm):
    nuclide = forms.ChoiceField(choices=nuclides("Any"), required=False)
    setting = number("Setting (dial number)")
    geometry = forms.CharField(required=False, max_length=64)
    factor = number("Factor")
    relative_u_percent = number("Relative standard uncertainty", required=True, unit=True)
    repeatability_percent = number("Repeatability", unit=True)
    valid_from = LocalInstantField(label="Valid from")
    valid_until = LocalInstantField(required=False, label="Valid until")
    certificate = forms.CharField(required=False, max_length=120)
    certificate_file = forms.FileField(required=False, label="The certificate's file")
    traceability = forms.CharField(required=False, max_length=200)

    def to_command(self) -> dict[str, Any]:
        """What was typed, with the bytes of the file and the name it came under."""
        typed = dict(self.cleaned_data)
        upload = typed.pop("certificate_file")
        content = upload.read(LARGEST_CERTIFICATE + 1) if upload else b""
        return {**typed, "certificate_file": content, "certificate_name": upload.name if upload else ""}

    def input_named(self, name: str) -> str:
        return {"file": "certificate_file"}.get(name, name)


class CalibrationFileForm(LabForm):
    """The file of a certificate that came after its calibration was recorded."""

    file = forms.FileField(label="The certificate's file")

    def __init__(self, *args: Any, calibrations: Sequence[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(str(pk), name) for pk, name in calibrations]
        self.fields["calibration"] = forms.ChoiceField(choices=choices, label="Of the calibration")
        self.describe()

    def to_command(self) -> dict[str, Any]:
        upload = self.cleaned_data["file"]
        content = upload.read(LARGEST_CERTIFICATE + 1)
        return {"calibration_id": int(self.cleaned_data["calibration"]), "content": content, "name": upload.name or ""}


class RulesForm(ReasonedSignatureForm):
    """Intervals in days and limits in %, signed."""

    daily_source = forms.ChoiceField(required=False, label="Read every day")
    calibration_days = forms.IntegerField(required=False, label="Calibration every")
    linearity_days = forms.IntegerField(required=False, label="Linearity every")
    accuracy_days = forms.IntegerField(required=False, label="Accuracy every")
    service_days = forms.IntegerField(required=False, label="Service every")
    constancy_warning_percent = number("Constancy, warning", required=True, unit=True)
    constancy_action_percent = number("Constancy, action", required=True, unit=True)
    linearity_percent = number("Linearity", required=True, unit=True)
    accuracy_percent = number("Accuracy", required=True, unit=True)
    INTERVALS = ("calibration_days", "linearity_days", "accuracy_days", "service_days")
    LIMITS = ("constancy_warning_percent", "constancy_action_percent", "linearity_percent", "accuracy_percent")

    def __init__(self, *args: Any, sources: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = forms.ChoiceField(choices=[("", "None"), *sources], required=False, label="Read every day")
        self.fields["daily_source"] = offered
        for name in self.INTERVALS:
            self.fields[name].widget.attrs.update({"class": "has-unit", "inputmode": "numeric"})
        offered.widget.attrs["aria-describedby"] = f"{self.auto_id}-says" % "daily_source"

    @property
    def intervals(self) -> list[forms.BoundField]:
        return [self[name] for name in self.INTERVALS]

    @property
    def limits(self) -> list[forms.BoundField]:
        return [self[name] for name in self.LIMITS]

    def to_command(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in (*self.INTERVALS, *self.LIMITS, "daily_source", "reason")}


class RestatementForm(LabForm):
    since = LocalInstantField(label="Readings from")
    until = LocalInstantField(required=False, label="until")
    nuclide = forms.ChoiceField(choices=nuclides("Any"), required=False)
    factor = number("Factor that is right")
    relative_u_percent = number("Relative standard uncertainty", unit=True)
    setting_correct = number("Setting that is right")
    setting_used = number("Setting that was used")
    certificate = forms.CharField(max_length=120, label="Certificate or report")
    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    after = forms.CharField(required=False, max_length=32, widget=forms.HiddenInput)
    TERMS = (
        *("since", "until", "nuclide", "factor", "relative_u_percent", "setting_correct", "setting_used"),
        "certificate",
    )

    @property
    def terms(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self.TERMS}
