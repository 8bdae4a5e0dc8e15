"""Forms of the audit trail: its review, and what to look for in it."""

from __future__ import annotations

from typing import Any

from django import forms

from labeling.forms.fields import LabForm
from lims.accounts.actors import Source
from lims.accounts.forms import ReasonedSignatureForm, SignatureForm

PLAIN = {"autocomplete": "off", "spellcheck": "false"}
SOURCES = [("", "Any"), *((source.value, source.value) for source in Source)]


class AuditReviewForm(SignatureForm):
    """`up_to` is the last event that the page showed."""

    up_to = forms.IntegerField(widget=forms.HiddenInput)


class PeriodReviewForm(ReasonedSignatureForm):
    """What was found in the sample and the exceptions, with the signature."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].label = "What you found"
        self.fields["reason"].max_length = 4000  # type: ignore[attr-defined]


class SampleForm(LabForm):
    """The period, by days of the site, and how many acts."""

    size = forms.IntegerField(min_value=1, max_value=200, initial=20, label="Acts to look at")

    field_order = ("from", "to", "size")


class TrailForm(LabForm):
    """The filters of the trail. What they mean, `lims.oversight.trail` says, for REST too."""

    subject = forms.CharField(required=False, max_length=120, widget=forms.TextInput(attrs=PLAIN))
    person = forms.CharField(required=False, max_length=64, label="Username", widget=forms.TextInput(attrs=PLAIN))
    action = forms.CharField(required=False, max_length=64, label="Act", widget=forms.TextInput(attrs=PLAIN))
    source = forms.ChoiceField(required=False, choices=SOURCES)
    address = forms.CharField(required=False, max_length=64, label="Address", widget=forms.TextInput(attrs=PLAIN))
    table = forms.CharField(required=False, max_length=64, label="Table", widget=forms.TextInput(attrs=PLAIN))

    field_order = ("subject", "person", "action", "source", "address", "from", "to", "table")


# `from` is no name that a class body can give.
for _name, _label in (("from", "From the day"), ("to", "To the day")):
    TrailForm.base_fields[_name] = forms.CharField(
        required=False, max_length=40, label=_label, widget=forms.TextInput(attrs={**PLAIN, "type": "date"})
    )
    SampleForm.base_fields[_name] = forms.CharField(
        max_length=40, label=_label, widget=forms.TextInput(attrs={**PLAIN, "type": "date"})
    )
