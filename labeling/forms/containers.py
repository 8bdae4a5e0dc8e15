"""Forms of containers: opened, read, emptied, put away, surveyed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from labeling.forms.fields import LabForm, LocalInstantField
from labeling.forms.registers import ACTIVITY_UNITS, CODE, NUMBER
from labeling.models import Container, WasteSurvey
from lims.accounts.forms import SignatureForm

VOLUME = {**NUMBER, "class": "has-unit"}
SURVEY_UNITS = [("uSv/h", "µSv/h"), ("1/s", "1/s")]


class AmountForm(LabForm):
    """An activity with its unit, and a volume; either may be left out."""

    activity = forms.CharField(required=False, max_length=40, widget=forms.TextInput(attrs=NUMBER))
    unit = forms.ChoiceField(choices=ACTIVITY_UNITS)
    volume = forms.CharField(required=False, max_length=40, widget=forms.TextInput(attrs=VOLUME))

    def input_named(self, name: str) -> str:
        return name.partition(".")[0]

    def amounts(self, **more: str) -> dict[str, Any]:
        typed = self.cleaned_data
        activity = {"value": typed["activity"], "unit": typed["unit"], **more} if typed["activity"] else None
        return {"activity": activity, "volume": {"value": typed["volume"], "unit": "mL"} if typed["volume"] else None}


class ContainerForm(AmountForm):
    kind = forms.ChoiceField(choices=[("", "Choose"), *Container.Kind.choices])
    code = forms.CharField(required=False, max_length=64, widget=forms.TextInput(attrs=CODE))
    name = forms.CharField(required=False, max_length=200)

    def __init__(self, *args: Any, nuclides: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = forms.ChoiceField(choices=[(code, code) for code in nuclides], initial="Zr-89")
        field.widget.attrs["aria-describedby"] = self.says("nuclide")
        self.fields["nuclide"] = field


class ContainerReadingForm(AmountForm):
    at = LocalInstantField(required=False, label="Read at")
    reason = forms.CharField(required=False, max_length=2000, label="Remark")

    def __init__(self, *args: Any, instruments: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = forms.ChoiceField(
            required=False, choices=[("", "None"), *((i, i) for i in instruments)], label="Instrument"
        )
        field.widget.attrs["aria-describedby"] = self.says("equipment")
        self.fields["equipment"] = field


class ContainerCorrectionForm(ContainerReadingForm):
    """What was recorded as it should have been; what stays empty stays as it is."""

    reason = forms.CharField(max_length=2000, label="Reason")


class TransferForm(AmountForm):
    to = forms.CharField(required=False, max_length=100, label="Into", widget=forms.TextInput(attrs=CODE))
    at = LocalInstantField(required=False, label="Moved at")
    reason = forms.CharField(required=False, max_length=2000, label="Remark")


class UsedUpForm(LabForm):
    reason = forms.CharField(required=False, max_length=2000, label="Remark")


class StorageForm(LabForm):
    place = forms.CharField(max_length=200)
    limit = forms.CharField(
        required=False, max_length=40, label="Clearance limit", widget=forms.TextInput(attrs=NUMBER)
    )
    unit = forms.ChoiceField(choices=[("kBq", "kBq"), ("Bq", "Bq"), ("MBq", "MBq")])
    limit_source = forms.CharField(required=False, max_length=2000, label="Where the limit comes from")

    def input_named(self, name: str) -> str:
        return {"limit.value": "limit", "limit.unit": "unit"}.get(name, name)

    def to_command(self) -> dict[str, Any]:
        typed = self.cleaned_data
        limit = {"value": typed["limit"], "unit": typed["unit"]} if typed["limit"] else None
        return {"place": typed["place"], "limit": limit, "limit_source": typed["limit_source"]}


class SurveyForm(SignatureForm):
    """A survey of stored waste with the signature of the person who made it."""

    background = forms.CharField(max_length=40, widget=forms.TextInput(attrs=NUMBER))
    reading = forms.CharField(max_length=40, label="At the container", widget=forms.TextInput(attrs=NUMBER))
    unit = forms.ChoiceField(choices=SURVEY_UNITS)
    outcome = forms.ChoiceField(choices=[("", "Choose"), *WasteSurvey.Outcome.choices])
    label_defaced = forms.BooleanField(required=False, label="The radiation label is defaced")
    note = forms.CharField(required=False, max_length=2000, label="Remark")

    def __init__(self, *args: Any, instruments: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = forms.Select(choices=[("", "Choose"), *((i, i) for i in instruments)])
        field = forms.CharField(max_length=64, label="Survey meter", widget=offered)
        field.widget.attrs["aria-describedby"] = f"{self.auto_id}-says" % "equipment"
        self.fields["equipment"] = field

    def to_command(self) -> dict[str, Any]:
        typed = self.cleaned_data
        names = ("equipment", "background", "reading", "outcome", "label_defaced", "note")
        return {name: typed[name] for name in names} | {"unit_given": typed["unit"], "credential": self.credential}
