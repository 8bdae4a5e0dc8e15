"""The form of the handing over: the container is scanned first, then who receives it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from labeling.domain.quantities import parse_nonnegative
from labeling.forms.fields import LocalInstantField
from labeling.services.dispatch import Consignment
from lims.accounts.forms import SignatureForm
from lims.errors import InvalidInput

PLAIN = {"autocomplete": "off", "spellcheck": "false"}
DECIMAL = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})


class DispatchForm(SignatureForm):
    scanned = forms.CharField(
        max_length=64, label="Identity on the container", widget=forms.TextInput(attrs={**PLAIN, "data-scan": ""})
    )
    from_container = forms.CharField(
        max_length=100,
        required=False,
        label="From the container",
        widget=forms.Select,
        error_messages={"max_length": "Choose a container of the list."},
    )
    volume = forms.CharField(max_length=40, required=False, label="Volume handed over", widget=DECIMAL)
    activity = forms.CharField(max_length=40, required=False, label="Activity handed over", widget=DECIMAL)
    quantity = forms.CharField(max_length=200, label="What is handed over")
    container = forms.CharField(max_length=200, required=False, label="Container and shielding")
    recipient = forms.CharField(max_length=200, label="Receiver")
    address = forms.CharField(max_length=400, label="Address")
    phone = forms.CharField(max_length=40, label="Phone", widget=forms.TextInput(attrs={"inputmode": "tel"}))
    carrier = forms.CharField(max_length=200, label="Carried by")
    at = LocalInstantField(required=False, label="Handed over at")

    def __init__(self, *args: Any, vessels: Sequence[tuple[str, str]] = (), bound_to: str = "", **kwargs: Any) -> None:
        """`vessels` are the containers to choose from, as code and words; `bound_to` is the identity of the cells."""
        super().__init__(*args, **kwargs)
        if vessels:
            self.fields["from_container"].widget = forms.Select(choices=vessels)
        else:
            for name in ("from_container", "volume", "activity"):
                del self.fields[name]
        if not bound_to:
            self.fields["scanned"].label = "Batch number on the container"
        for name, field in self.fields.items():
            field.widget.attrs["aria-describedby"] = f"{self.auto_id}-says" % name
            field.error_messages["required"] = "This is missing."

    @property
    def consignment(self) -> Consignment:
        given = self.cleaned_data
        said = ("scanned", "quantity", "container", "recipient", "address", "phone", "carrier")
        return Consignment(
            **{name: given[name] for name in said},
            from_container=given.get("from_container", ""),
            volume=_amount(given.get("volume", ""), "mL"),
            activity=_amount(given.get("activity", ""), "MBq"),
        )

    def clean_volume(self) -> str:
        return _number(self.cleaned_data["volume"])

    def clean_activity(self) -> str:
        return _number(self.cleaned_data["activity"])


def _number(typed: str) -> str:
    if typed.strip():
        try:
            parse_nonnegative(typed, field="volume")
        except InvalidInput as refusal:
            raise forms.ValidationError(refusal.message.removeprefix("volume: ")) from refusal
    return typed


def _amount(typed: str, unit: str) -> dict[str, str] | None:
    return {"value": typed, "unit": unit} if typed.strip() else None
