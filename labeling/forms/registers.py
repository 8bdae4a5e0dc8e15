"""Forms of the registers: planning, stock, instruments, protocols and specifications."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from labeling.forms.fields import LabForm, LocalInstantField

NUMBER = {"inputmode": "decimal", "autocomplete": "off"}
CODE = {"autocomplete": "off", "spellcheck": "false"}
ACTIVITY_UNITS = [("MBq", "MBq"), ("GBq", "GBq"), ("kBq", "kBq")]
EQUIPMENT_KINDS = (
    *("dose_calibrator", "gamma_counter", "cell_counter", "ph_meter", "balance", "centrifuge", "hood"),
    *("gamma_spectrometer", "survey_meter", "chromatograph", "thermometer", "pipette", "other"),
)


class PlanForm(LabForm):
    protocol = forms.ChoiceField(widget=forms.Select)
    identity = forms.CharField(
        required=False, max_length=64, label="Chain-of-identity number", widget=forms.TextInput(attrs=CODE)
    )

    def __init__(self, *args: Any, protocols: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = forms.ChoiceField(choices=[("", "Choose"), *protocols] if len(protocols) > 1 else protocols)
        choice.widget.attrs["aria-describedby"] = self.says("protocol")
        self.fields["protocol"] = choice


class LotForm(LabForm):
    number = forms.CharField(max_length=64, label="Lot number", widget=forms.TextInput(attrs=CODE))
    material = forms.ChoiceField()
    expires_at = LocalInstantField(label="Expires")
    name = forms.CharField(required=False, max_length=200, label="Name on the label")
    identity = forms.CharField(
        required=False, max_length=64, label="Chain-of-identity number", widget=forms.TextInput(attrs=CODE)
    )
    stated_value = forms.CharField(
        required=False, max_length=40, label="Activity stated by the supplier", widget=forms.TextInput(attrs=NUMBER)
    )
    stated_unit = forms.ChoiceField(choices=ACTIVITY_UNITS, label="Unit")
    stated_at = LocalInstantField(required=False, label="Stated for")
    volume = forms.CharField(
        required=False, max_length=40, label="Volume", widget=forms.TextInput(attrs={**NUMBER, "class": "has-unit"})
    )
    received_value = forms.CharField(
        required=False, max_length=40, label="Activity read on arrival", widget=forms.TextInput(attrs=NUMBER)
    )
    received_unit = forms.ChoiceField(choices=ACTIVITY_UNITS, label="Unit")
    received_at = LocalInstantField(required=False, label="Read at")
    received_equipment = forms.ChoiceField(required=False, label="Instrument")

    def __init__(
        self, *args: Any, materials: Sequence[tuple[str, str]], instruments: Sequence[str], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._choose("material", [("", "Choose"), *materials], required=True, label="Material")
        self._choose("received_equipment", [("", "Choose"), *((i, i) for i in instruments)], label="Instrument")

    def _choose(self, name: str, choices: Sequence[tuple[str, str]], *, label: str, required: bool = False) -> None:
        field = forms.ChoiceField(choices=choices, required=required, label=label)
        field.widget.attrs["aria-describedby"] = self.says(name)
        self.fields[name] = field

    def input_named(self, name: str) -> str:
        return "volume" if name.startswith("volume") else super().input_named(name)

    @property
    def stated(self) -> dict[str, str] | None:
        return self._reading("stated")

    @property
    def received(self) -> dict[str, str] | None:
        reading = self._reading("received")
        return {**reading, "equipment": self.cleaned_data["received_equipment"]} if reading else None

    @property
    def volume_given(self) -> dict[str, str] | None:
        typed = self.cleaned_data["volume"]
        return {"value": typed, "unit": "mL"} if typed else None

    def _reading(self, name: str) -> dict[str, str] | None:
        typed, at = self.cleaned_data[f"{name}_value"], self.cleaned_data[f"{name}_at"]
        if not typed:
            return None
        reading = {"value": typed, "unit": self.cleaned_data[f"{name}_unit"]}
        return {**reading, "at": at.isoformat()} if at else reading


class EquipmentForm(LabForm):
    code = forms.CharField(max_length=64, widget=forms.TextInput(attrs=CODE))
    kind = forms.ChoiceField(choices=[("", "Choose"), *((k, k.replace("_", " ")) for k in EQUIPMENT_KINDS)])
    name = forms.CharField(required=False, max_length=200)
    serial = forms.CharField(required=False, max_length=64, label="Serial number")


class CheckForm(LabForm):
    outcome = forms.ChoiceField(choices=[("pass", "Passed"), ("fail", "Failed")], widget=forms.RadioSelect)
    at = LocalInstantField(required=False, label="Checked at")
    note = forms.CharField(required=False, max_length=2000)
    clock_offset_seconds = forms.IntegerField(
        required=False,
        label="Its clock is ahead by",
        widget=forms.NumberInput(attrs={"class": "has-unit", "inputmode": "numeric"}),
    )


class CalibrationForm(LabForm):
    relative_u_percent = forms.CharField(
        max_length=24,
        label="Relative standard uncertainty",
        widget=forms.TextInput(attrs={**NUMBER, "class": "has-unit"}),
    )
    valid_from = LocalInstantField(label="Valid from")
    certificate = forms.CharField(required=False, max_length=120)


class ImportForm(LabForm):
    document = forms.CharField(
        required=False,
        label="Text of the document",
        strip=False,
        max_length=500_000,
        widget=forms.Textarea(attrs={"class": "document", "spellcheck": "false", "wrap": "off"}),
    )
    file = forms.FileField(required=False, label="or a file", widget=forms.FileInput(attrs={"accept": ".yaml,.yml"}))

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        upload = typed.get("file")
        if upload is not None and not typed.get("document", "").strip():
            try:
                typed["document"] = upload.read().decode("utf-8")
            except UnicodeDecodeError as error:
                raise forms.ValidationError("The file is not UTF-8 text.") from error
        if not typed.get("document", "").strip():
            raise forms.ValidationError("Paste the document, or choose its file.")
        typed["document"] = typed["document"].replace("\r\n", "\n")
        return typed


class VerifyForm(LabForm):
    file = forms.FileField(label="Record as PDF", widget=forms.FileInput(attrs={"accept": "application/pdf"}))
