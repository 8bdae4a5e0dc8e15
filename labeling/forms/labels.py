"""The form that prints labels."""

from __future__ import annotations

from django import forms

from labeling.domain.labels import MOST_COPIES, SHAPES, LabelSize
from labeling.forms.fields import LabForm


class LabelForm(LabForm):
    size = forms.ChoiceField(label="Size", choices=[(size.value, SHAPES[size].title) for size in LabelSize])
    copies = forms.IntegerField(label="Copies", min_value=1, max_value=MOST_COPIES, initial=1)
    reason = forms.CharField(label="Why more are needed", required=False, max_length=400)
