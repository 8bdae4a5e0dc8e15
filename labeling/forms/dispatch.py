"""The form of the handing over: the container is scanned first, then who receives it."""

from __future__ import annotations

from typing import Any

from django import forms

from labeling.forms.fields import LocalInstantField
from labeling.services.dispatch import Consignment
from lims.accounts.forms import SignatureForm

PLAIN = {"autocomplete": "off", "spellcheck": "false"}


class DispatchForm(SignatureForm):
    scanned = forms.CharField(
        max_length=64, label="Identity on the container", widget=forms.TextInput(attrs={**PLAIN, "data-scan": ""})
    )
    quantity = forms.CharField(max_length=200, label="What is handed over")
    container = forms.CharField(max_length=200, required=False, label="Container and shielding")
    recipient = forms.CharField(max_length=200, label="Receiver")
    address = forms.CharField(max_length=400, label="Address")
    phone = forms.CharField(max_length=40, label="Phone", widget=forms.TextInput(attrs={"inputmode": "tel"}))
    carrier = forms.CharField(max_length=200, label="Carried by")
    at = LocalInstantField(required=False, label="Handed over at")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs["aria-describedby"] = f"{self.auto_id}-says" % name
            field.error_messages["required"] = "This is missing."

    @property
    def consignment(self) -> Consignment:
        given = self.cleaned_data
        return Consignment(
            **{
                name: given[name]
                for name in ("scanned", "quantity", "container", "recipient", "address", "phone", "carrier")
            }
        )
