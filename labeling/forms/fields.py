"""Forms check the shape of what was typed; what may be recorded, the services decide."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone

from lims.audit.reasons import ReasonFor, choices_of, reason_text
from lims.errors import InvalidInput

TWICE = "This hour happened twice on that day, when the clocks went back; record the time as a minute outside it."
REQUIRED = {
    "value": "Enter the value.",
    "reason": "Say why.",
    "reason_code": "Choose the kind of reason.",
    "username": "Name the signer.",
    "password": "Enter the password.",
}
NEVER = "This time does not exist on that day, when the clocks went forward."


class LocalInstantField(forms.Field):
    """A date and time of the site's wall clock, or a full ISO 8601 text with an offset."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"})
    is_site_time = True

    def to_python(self, value: object) -> datetime | None:
        if value in (None, ""):
            return None
        try:
            moment = datetime.fromisoformat(str(value).strip())
        except ValueError as error:
            raise forms.ValidationError(f"“{value}” is not a date and time.") from error
        if not 1900 <= moment.year <= 2200:  # as over REST; beyond it another zone may have no such day at all
            raise forms.ValidationError(f"The year of “{value}” cannot be right.")
        return moment if moment.tzinfo else self.in_site_zone(moment)

    @staticmethod
    def in_site_zone(naive: datetime) -> datetime:
        zone = ZoneInfo(timezone.get_current_timezone_name())
        early, late = naive.replace(tzinfo=zone, fold=0), naive.replace(tzinfo=zone, fold=1)
        if early.utcoffset() == late.utcoffset():
            return early
        # In a gap the clock jumps over the hour, in a fold it shows it twice; only a fold survives the way to UTC.
        survives = early.astimezone(ZoneInfo("UTC")).astimezone(zone).replace(tzinfo=None) == naive
        raise forms.ValidationError(TWICE if survives else NEVER)


class LabForm(forms.Form):
    """A form whose inputs point at the sentence below them, and that keeps a refusal beside the input it is about."""

    change: ReasonFor | None = None

    def __init__(self, *args: Any, slug: str = "", **kwargs: Any) -> None:
        if slug:
            kwargs.setdefault("auto_id", f"{slug}-%s")
        super().__init__(*args, **kwargs)
        self.slug = slug
        self.describe()

    def describe(self) -> None:
        for name, field in self.fields.items():
            field.widget.attrs.setdefault("aria-describedby", self.says(name))
            field.error_messages["required"] = REQUIRED.get(name, "This is missing.")

    def ask_why(self, change: ReasonFor, *, required: bool = False) -> None:
        """A choice from the list of this kind of change, beside the `reason` in words."""
        self.change = change
        self.fields["reason_code"] = forms.ChoiceField(
            choices=choices_of(change), required=required, label="Kind of reason"
        )
        self.describe()

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        if self.change is not None and "reason" in typed:
            try:
                typed["reason"] = reason_text(self.change, typed.get("reason_code", ""), typed["reason"])
            except InvalidInput as refusal:
                self.add_error("reason", refusal.message)
        return typed

    def says(self, name: str) -> str:
        """The id of the sentence below an input: its hint, or why it was refused."""
        return f"{self.auto_id}-says" % name

    def add_error(self, field: str | None, error: Any) -> None:
        """Beside the input that the refusal names, in its `field` or at the head of its sentence.

        A sentence that begins with the name of an input begins with its label here, where people read it.
        """
        if isinstance(error, str):
            head, _, rest = error.partition(": ")
            named = self.input_named(head)
            if rest and named in self.fields:
                field, error = field or named, f"{self.fields[named].label or head}: {rest}"
        super().add_error(field if field in self.fields else None, error)

    def input_named(self, name: str) -> str:
        """The input of this form that a service calls `name`: `stated.value` is `stated_value`."""
        return name.replace(".", "_")
