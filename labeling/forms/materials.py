"""Forms of the stock: a lot with all that comes with it, and what is added to it or taken from it later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.utils import timezone

from labeling.domain.stock import STOCK_UNITS
from labeling.forms.fields import LabForm, LocalInstantField
from labeling.forms.registers import ACTIVITY_UNITS, CODE, NUMBER
from labeling.models import PackageSurvey
from labeling.services.receipts import LARGEST_CERTIFICATE, Certificate, Delivery, Survey
from labeling.templatetags.lims_format import isotopes
from lims.accounts.forms import SignatureForm

COUNTED = [(unit, "pieces" if unit == "piece" else unit.replace("u", "µ")) for unit in STOCK_UNITS]
UNITS = [("", "Not counted"), *COUNTED]
# Nobody finds a package intact by leaving a form as it came.
CONDITIONS = [("", "Choose"), *PackageSurvey.Condition.choices]
WIPES = [("", "Choose"), *PackageSurvey.Wipe.choices]
FILES = {"accept": "application/pdf,image/png,image/jpeg"}


def typed(label: str, *, length: int = 40, number: bool = True, **attrs: str) -> forms.CharField:
    """An input that may stay empty: what is missing, the service says in its own words."""
    widget = forms.TextInput(attrs={**(NUMBER if number else CODE), **attrs})
    return forms.CharField(required=False, max_length=length, label=label, widget=widget)


class WallClockField(LocalInstantField):
    """A date and time of a wall clock whose zone another input names; one with an offset stays as it is."""

    is_site_time = False

    @staticmethod
    def in_site_zone(naive: datetime) -> datetime:
        return naive


class CertificateForm(LabForm):
    certificate_file = forms.FileField(required=False, label="Certificate", widget=forms.FileInput(attrs=FILES))
    certificate_number = typed("Certificate number", length=120, number=False)
    certificate_issuer = typed("Issued by", length=200, number=False)

    def add_error(self, field: str | None, error: Any) -> None:
        super().add_error("certificate_file" if field == "file" else field, error)

    @property
    def certificate(self) -> Certificate:
        given, file = self.cleaned_data, self.cleaned_data["certificate_file"]
        return Certificate(
            content=file.read(LARGEST_CERTIFICATE + 1) if file else b"",
            number=given["certificate_number"],
            issuer=given["certificate_issuer"],
            name=file.name if file else "",
        )

    @property
    def certificate_given(self) -> Certificate | None:
        given = self.cleaned_data
        return self.certificate if given["certificate_file"] or given["certificate_number"] else None


class SurveyForm(LabForm):
    survey_surface_value = typed("At the surface")
    survey_one_meter_value = typed("At 1 m")
    survey_unit = forms.ChoiceField(required=False, choices=[("uSv/h", "µSv/h"), ("mSv/h", "mSv/h")], label="Unit")
    survey_condition = forms.ChoiceField(required=False, choices=CONDITIONS, label="Package")
    survey_wipe = forms.ChoiceField(required=False, choices=WIPES, label="Wipe test")
    survey_wipe_reading_value = typed("Wipe reading")
    survey_wipe_unit = forms.ChoiceField(
        required=False, choices=[("Bq", "Bq"), ("1/s", "counts/s"), ("1/min", "counts/min")], label="Unit"
    )
    survey_at = LocalInstantField(required=False, label="Surveyed at")
    survey_equipment = typed("Survey meter", length=64, number=False)
    survey_note = typed("Note", length=2000, number=False)

    @property
    def survey(self) -> Survey:
        given = self.cleaned_data
        unit, wiped = given["survey_unit"], given["survey_wipe_reading_value"]
        return Survey(
            surface={"value": given["survey_surface_value"], "unit": unit},
            one_meter={"value": given["survey_one_meter_value"], "unit": unit},
            condition=given["survey_condition"],
            wipe=given["survey_wipe"],
            wipe_reading={"value": wiped, "unit": given["survey_wipe_unit"]} if wiped else None,
            at=given["survey_at"],
            equipment=given["survey_equipment"].strip(),
            note=given["survey_note"],
        )

    @property
    def survey_given(self) -> Survey | None:
        given = self.cleaned_data
        told = ("survey_surface_value", "survey_one_meter_value", "survey_wipe_reading_value", "survey_note")
        return self.survey if any(given[name] for name in told) else None


class MaterialSelect(forms.Select):
    """The materials, each with its kind: the form shows what such a lot comes with."""

    kinds: Mapping[str, str] = {}

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        return {**option, "attrs": {**option["attrs"], "data-kind": self.kinds.get(str(value), "")}}


class LotForm(CertificateForm, SurveyForm):
    number = forms.CharField(max_length=64, label="Lot number", widget=forms.TextInput(attrs=CODE))
    material = forms.ChoiceField()
    expires_at = LocalInstantField(label="Expires")
    name = forms.CharField(required=False, max_length=200, label="Name on the label")
    identity = typed("Chain-of-identity number", length=64, number=False)
    quantity_value = typed("Quantity received")
    quantity_unit = forms.ChoiceField(required=False, choices=UNITS, label="Counted in")
    supplier = typed("Supplier", length=200, number=False)
    order_number = typed("Order number", length=64, number=False)
    chemical_form = typed("Chemical form", length=120, number=False)
    stated_value = typed("Activity stated by the supplier")
    stated_unit = forms.ChoiceField(choices=ACTIVITY_UNITS, label="Unit")
    stated_at = WallClockField(
        required=False, label="Calibrated for", help_text="As the supplier writes it, in the zone beside it."
    )
    stated_zone = typed("Time zone of the supplier", length=64, number=False, list="zones")
    stated_u = typed("Its standard uncertainty")
    volume = forms.CharField(
        required=False, max_length=40, widget=forms.TextInput(attrs={**NUMBER, "class": "has-unit"})
    )
    received_value = typed("Activity read on arrival")
    received_unit = forms.ChoiceField(choices=ACTIVITY_UNITS, label="Unit")
    received_at = LocalInstantField(required=False, label="Read at")
    received_u = typed("Its standard uncertainty")
    received_equipment = forms.ChoiceField(required=False, label="Instrument")
    received_setting = typed("Setting", number=False)
    received_geometry = typed("Geometry", length=120, number=False)

    def __init__(
        self, *args: Any, materials: Mapping[str, tuple[str, str]], instruments: Sequence[str], **kwargs: Any
    ) -> None:
        """`materials` is key to name and kind."""
        kwargs.setdefault("initial", {"stated_zone": timezone.get_current_timezone_name()})
        super().__init__(*args, **kwargs)
        names = [(key, isotopes(name)) for key, (name, _) in materials.items()]
        self._choose("material", [("", "Choose"), *names], required=True, label="Material", widget=MaterialSelect())
        self.fields["material"].widget.kinds = {key: kind for key, (_, kind) in materials.items()}
        self._choose("received_equipment", [("", "Choose"), *((i, i) for i in instruments)], label="Instrument")

    def _choose(
        self,
        name: str,
        choices: Sequence[tuple[str, str]],
        *,
        label: str,
        required: bool = False,
        widget: forms.Select | None = None,
    ) -> None:
        field = forms.ChoiceField(choices=choices, required=required, label=label, widget=widget or forms.Select())
        field.widget.attrs["aria-describedby"] = self.says(name)
        self.fields[name] = field

    def clean_stated_zone(self) -> str:
        zone = str(self.cleaned_data["stated_zone"]).strip() or timezone.get_current_timezone_name()
        if zone not in available_timezones():
            raise forms.ValidationError(f"“{zone}” is no time zone; write it as America/New_York.")
        return zone

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        at, zone = given.get("stated_at"), given.get("stated_zone")
        if at is not None and at.tzinfo is None and zone:
            try:
                with timezone.override(ZoneInfo(zone)):
                    given["stated_at"] = LocalInstantField.in_site_zone(at)
            except forms.ValidationError as error:
                self.add_error("stated_at", error)
        return given

    def input_named(self, name: str) -> str:
        return "volume" if name.startswith("volume") else super().input_named(name)

    @property
    def stated(self) -> dict[str, str] | None:
        reading = self._reading("stated")
        return {**reading, "zone": self.cleaned_data["stated_zone"]} if reading else None

    @property
    def received(self) -> dict[str, str] | None:
        reading, given = self._reading("received"), self.cleaned_data
        told = {"equipment": given["received_equipment"], "setting": given["received_setting"]}
        return {**reading, **told, "geometry": given["received_geometry"]} if reading else None

    @property
    def volume_given(self) -> dict[str, str] | None:
        given = self.cleaned_data["volume"]
        return {"value": given, "unit": "mL"} if given else None

    @property
    def delivery(self) -> Delivery:
        given = self.cleaned_data
        quantity = {"value": given["quantity_value"], "unit": given["quantity_unit"]}
        return Delivery(
            supplier=given["supplier"],
            order_number=given["order_number"],
            chemical_form=given["chemical_form"],
            quantity=quantity if any(quantity.values()) else None,
            certificate=self.certificate_given,
            survey=self.survey_given,
        )

    def _reading(self, name: str) -> dict[str, str] | None:
        value, at = self.cleaned_data[f"{name}_value"], self.cleaned_data[f"{name}_at"]
        if not value:
            return None
        reading = {"value": value, "unit": self.cleaned_data[f"{name}_unit"], "u": self.cleaned_data[f"{name}_u"]}
        return {**reading, "at": at.isoformat()} if at else reading


class WithdrawalForm(LabForm):
    value = forms.CharField(max_length=40, label="How much", widget=forms.TextInput(attrs=NUMBER))
    unit = forms.ChoiceField(choices=COUNTED, label="Unit")
    reason = forms.CharField(max_length=2000, label="What for")


class AcceptanceForm(SignatureForm):
    """A signature, with a reason where something about the lot asks for one."""

    reason = forms.CharField(required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))
    field_order = ("reason", "username", "password", "otp", "revision")
