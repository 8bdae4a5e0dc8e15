"""What is asked where a deviation is reported or assessed; what a class demands, the service decides."""

from __future__ import annotations

from typing import Any

from django import forms

from labeling.domain.deviations import Assessed, Cause, Conclusion, DeviationClass
from labeling.forms.fields import LabForm
from lims.accounts.forms import SignatureForm

CLASSES = [(c.value, c.value.capitalize()) for c in DeviationClass]
WORDS = {"widget": forms.Textarea(attrs={"rows": 2}), "max_length": 2000, "required": False}


class ReportForm(LabForm):
    text = forms.CharField(label="What happened", max_length=4000, widget=forms.Textarea(attrs={"rows": 3}))
    severity = forms.ChoiceField(label="Class", choices=CLASSES)
    step = forms.ChoiceField(label="Step", required=False)

    def __init__(self, *args: Any, steps: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["step"].choices = [("", "None in particular"), *steps]  # type: ignore[attr-defined]
        self.describe()


class AssessmentForm(SignatureForm):
    severity = forms.ChoiceField(label="Class", choices=CLASSES)
    conclusion = forms.ChoiceField(
        label="Conclusion", choices=[("", "Choose"), *((c.value, c.label) for c in Conclusion)]
    )
    assessment = forms.CharField(label="Assessment", max_length=4000, widget=forms.Textarea(attrs={"rows": 3}))
    impact = forms.CharField(label="Impact", **WORDS)  # type: ignore[arg-type]
    cause_kind = forms.ChoiceField(
        label="Kind of cause", required=False, choices=[("", "Choose"), *((c.value, c.label) for c in Cause)]
    )
    root_cause = forms.CharField(label="Root cause", **WORDS)  # type: ignore[arg-type]

    @property
    def assessed(self) -> Assessed:
        given = self.cleaned_data
        return Assessed(
            assessment=given["assessment"],
            severity=DeviationClass(given["severity"]),
            conclusion=Conclusion(given["conclusion"]),
            impact=given["impact"],
            cause=given["cause_kind"],
            root_cause=given["root_cause"],
        )
