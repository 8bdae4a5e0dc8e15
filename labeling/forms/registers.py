"""Forms of the registers: planning, stock, protocols and specifications."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from labeling.forms.fields import LabForm

NUMBER = {"inputmode": "decimal", "autocomplete": "off"}
CODE = {"autocomplete": "off", "spellcheck": "false"}
ACTIVITY_UNITS = [("MBq", "MBq"), ("GBq", "GBq"), ("kBq", "kBq")]


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


class RecordForm(LabForm):
    reason = forms.CharField(max_length=2000, label="Why a new record", widget=forms.TextInput)


class VerifyForm(LabForm):
    file = forms.FileField(
        label="Record as PDF, or package as ZIP", widget=forms.FileInput(attrs={"accept": ".pdf,.zip"})
    )
