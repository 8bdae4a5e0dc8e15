"""Forms of the audit trail: its review, and what to look for in it."""

from __future__ import annotations

from django import forms

from labeling.forms.fields import LabForm
from lims.accounts.actors import Source
from lims.accounts.forms import SignatureForm

PLAIN = {"autocomplete": "off", "spellcheck": "false"}
SOURCES = [("", "Any"), *((source.value, source.value) for source in Source)]


class AuditReviewForm(SignatureForm):
    """`up_to` is the last event that the page showed."""

    up_to = forms.IntegerField(widget=forms.HiddenInput)


class TrailForm(LabForm):
    """The filters of the trail. What they mean, `lims.oversight.trail` says, for REST too."""

    subject = forms.CharField(required=False, max_length=120, widget=forms.TextInput(attrs=PLAIN))
    person = forms.CharField(required=False, max_length=64, label="Username", widget=forms.TextInput(attrs=PLAIN))
    action = forms.CharField(required=False, max_length=64, label="Act", widget=forms.TextInput(attrs=PLAIN))
    source = forms.ChoiceField(required=False, choices=SOURCES)
    table = forms.CharField(required=False, max_length=64, label="Table", widget=forms.TextInput(attrs=PLAIN))

    field_order = ("subject", "person", "action", "source", "from", "to", "table")


# `from` is no name that a class body can give.
for _name, _label in (("from", "From the day"), ("to", "To the day")):
    TrailForm.base_fields[_name] = forms.CharField(
        required=False, max_length=40, label=_label, widget=forms.TextInput(attrs={**PLAIN, "type": "date"})
    )
