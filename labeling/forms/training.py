"""What a trainer fills in before signing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from labeling.domain.training import RECORDABLE, Task
from labeling.forms.fields import LocalInstantField
from labeling.services.training import Given
from lims.accounts.forms import SignatureForm

TASKS = [(task.value, task.value.capitalize()) for task in Task]
WAYS = [("", "Choose"), *((way.value, way.label) for way in RECORDABLE)]
YEAR = timedelta(days=364)  # the day before a year is over


def a_year_from_now() -> date:
    return timezone.localdate() + YEAR


class TrainingForm(SignatureForm):
    """Who, for what, how and until when; the signature below covers all of it."""

    version = forms.ChoiceField(label="Protocol version")
    people = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple)
    tasks = forms.MultipleChoiceField(choices=TASKS, widget=forms.CheckboxSelectMultiple)
    way = forms.ChoiceField(choices=WAYS, label="How")
    trained_at = LocalInstantField(required=False, label="When")
    valid_until = forms.DateField(
        label="Valid until", initial=a_year_from_now, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    note = forms.CharField(
        required=False, max_length=4000, label="What was seen", widget=forms.Textarea(attrs={"rows": 2})
    )
    field_order = ("version", "people", "tasks", "way", "trained_at", "valid_until", "note")

    def __init__(
        self, *args: Any, versions: Sequence[tuple[str, str]], people: Iterable[tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        for name, choices in (("version", [("", "Choose"), *versions]), ("people", list(people))):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = choices
        for name, sentence in {"people": "Choose who was trained.", "tasks": "Choose what for."}.items():
            self.fields[name].error_messages["required"] = sentence

    def add_error(self, field: str | None, error: Any) -> None:
        super().add_error(field if field in self.fields else None, error)

    @property
    def given(self) -> Given:
        typed = self.cleaned_data
        code, _, number = typed["version"].rpartition("/")
        last_minute = datetime.combine(typed["valid_until"], time(23, 59))
        return Given(
            people=typed["people"],
            protocol=code,
            version=int(number),
            tasks=typed["tasks"],
            way=typed["way"],
            trained_at=typed["trained_at"],
            valid_until=timezone.make_aware(last_minute),
            note=typed["note"],
        )
