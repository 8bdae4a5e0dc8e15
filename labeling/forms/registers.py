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
