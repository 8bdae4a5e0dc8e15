"""The forms of the worksheet: one value, one timer, the start."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar

from django import forms
from django.utils import timezone

from labeling.domain.display import display_unit
from labeling.forms.fields import LabForm, LocalInstantField
from labeling.services.recording import Reading
from lims.accounts.forms import SignatureForm
from lims.audit.reasons import ReasonFor

NUMERIC = frozenset(
    {"activity", "counts", "mass", "volume", "concentration", "ph", "temperature", "duration", "cells", "number"}
)
# Units that a person may choose in place of the declared one. Those that differ in case alone are never side by side.
EQUIVALENT: Mapping[str, tuple[str, ...]] = {
    "MBq": ("kBq", "MBq", "GBq"),
    "kBq": ("kBq", "MBq"),
    "GBq": ("MBq", "GBq"),
    "mL": ("uL", "mL"),
    "uL": ("uL", "mL"),
    "mg": ("ug", "mg"),
    "ug": ("ug", "mg"),
    "min": ("s", "min", "h"),
    "h": ("min", "h"),
}
# How radioactivity was read, beside the instrument; remembered at the workstation. A cell counter has neither.
RADIOACTIVITY = frozenset({"activity", "counts"})
HOW = tuple(name for name in ("setting", "geometry") if name in Reading.__dataclass_fields__)
# For each of these what the calibrations in force name, with the code of the instrument.
Calibrated = Mapping[str, Sequence[tuple[str, str]]]
NUMBER = {"inputmode": "decimal", "autocomplete": "off"}


NO_TIME = "Give the time that stands on the paper."
LOCAL = "%Y-%m-%dT%H:%M:%S"


@dataclass(frozen=True, slots=True)
class Paper:
    """The down-time sheet that is being entered: every time is that on the paper, and the reason is the sheet."""

    number: str
    last: datetime  # the latest time that is entered already

    @property
    def given(self) -> dict[str, str]:
        """What stands in a form before anything is typed."""
        at = timezone.localtime(self.last).strftime(LOCAL)
        return {"at": at, **reason_of_sheet(self.number)}


def reason_of_sheet(number: str) -> dict[str, str]:
    """Why everything of a batch that was made on paper is recorded late; the person may say it otherwise."""
    return {"reason_code": "on_paper", "reason": f"Down-time sheet {number}"}


class EntryForm(LabForm):
    """One value of one field of one step. `seen` is the entry that the page showed as current, empty for none."""

    step = forms.CharField(widget=forms.HiddenInput)
    field = forms.CharField(widget=forms.HiddenInput)
    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)
    value = forms.CharField(max_length=2000)
    unit = forms.CharField(required=False, max_length=24, widget=forms.HiddenInput)
    u = forms.CharField(
        required=False, max_length=24, label="Standard uncertainty", widget=forms.TextInput(attrs=NUMBER)
    )
    equipment = forms.CharField(required=False, max_length=64, label="Instrument")
    at = LocalInstantField(required=False, label="Measured at")
    reason = forms.CharField(required=False, max_length=2000, label="Reason")

    def __init__(
        self,
        *args: Any,
        step_key: str,
        definition: Mapping[str, Any],
        instruments: Sequence[str] = (),
        lots: Sequence[str] = (),
        unchecked: Collection[str] = (),
        calibrated: Calibrated = MappingProxyType({}),
        correcting: bool = False,
        paper: Paper | None = None,
        **kwargs: Any,
    ) -> None:
        entry = definition["entry"]
        kwargs["initial"] = {
            "step": step_key,
            "field": definition["key"],
            "seen": entry["id"] if entry else None,
            "unit": self.unit_shown(definition),
            "u": (entry or {}).get("u") or "",
            "equipment": (entry["equipment"] if entry else None) or (instruments[0] if len(instruments) == 1 else ""),
            "at": timezone.localtime(datetime.fromisoformat(entry["at"])).strftime(LOCAL) if entry else "",
        }
        self.paper = paper if not correcting else None
        if self.paper:
            kwargs["initial"] |= self.paper.given
        super().__init__(*args, slug=f"{step_key}.{definition['key']}", **kwargs)
        self.definition, self.lots, self.correcting = definition, lots, correcting
        self.calibrated = calibrated
        self._dress_value()
        if definition["type"] not in NUMERIC:
            del self.fields["u"]
        if definition["equipment_kind"]:
            # Offered as a choice; whether it may be used, and the unit read, the service says in its own words.
            said = ((code, f"{code} (not checked today)" if code in unchecked else code) for code in instruments)
            self.fields["equipment"].widget = forms.Select(
                choices=[("", "Choose"), *said], attrs={"data-kind": definition["equipment_kind"]}
            )
            for name in HOW if definition["type"] in RADIOACTIVITY else ():
                given = (entry or {}).get(name) or ""
                self.fields[name] = forms.CharField(required=False, max_length=64, label=name.title(), initial=given)
                if calibrated.get(name):
                    self.fields[name].widget.attrs["list"] = f"{self.slug}-{name}-offered"
        else:
            del self.fields["equipment"]
        if units := EQUIVALENT.get(definition["unit"] or ""):
            self.fields["unit"].widget = forms.Select(choices=[(u, display_unit(u)) for u in units])
        if correcting:
            self.fields["reason"].required = True
        self.ask_why(ReasonFor.CORRECTION if correcting else ReasonFor.LATE_ENTRY, required=correcting)
        if self.paper:
            ask_time(self)

    @staticmethod
    def unit_shown(definition: Mapping[str, Any]) -> str:
        """The unit of the value that is there, if it is one that can be chosen; else the one the protocol declares."""
        declared, entry = definition["unit"] or "", definition["entry"]
        known = EQUIVALENT.get(declared, (declared,))
        return entry["unit"] if entry and entry["unit"] in known else declared

    def _dress_value(self) -> None:
        kind = self.definition["type"]
        label = self.definition["label"]
        if kind in NUMERIC:
            attrs = {"inputmode": "decimal", "autocomplete": "off", "data-draft": ""}
            if self.definition["unit"]:
                attrs["class"] = "has-unit"
            self.fields["value"].widget = forms.TextInput(attrs=attrs)
        elif kind == "choice":
            choices = [("", "Choose"), *((o, o) for o in self.definition["options"] or [])]
            self.fields["value"] = forms.ChoiceField(choices=choices, widget=forms.Select())
        elif kind == "check":
            self.fields["value"].widget = forms.HiddenInput()
        else:
            attrs = {"autocomplete": "off", "spellcheck": "false", "data-draft": ""}
            if self.lots:
                attrs["list"] = f"{self.slug}-lots"
            self.fields["value"].widget = forms.TextInput(attrs=attrs)
        self.fields["value"].label = label

    @property
    def how(self) -> list[forms.BoundField]:
        """The inputs that say how the instrument was set."""
        return [self[name] for name in HOW if name in self.fields]

    @property
    def offered(self) -> list[tuple[str, Sequence[tuple[str, str]]]]:
        """What those inputs offer, each by the name of its list. Offered, not filled in: a person read the dial."""
        return [(f"{self.slug}-{name}-offered", self.calibrated[name]) for name in HOW if self.calibrated.get(name)]

    @property
    def is_quantity(self) -> bool:
        return self.definition["type"] in NUMERIC

    @property
    def opens_more(self) -> bool:
        """Whether time and reason stand open: where they were typed or refused."""
        return bool(self.correcting or self.paper) or bool(
            self.is_bound
            and (
                any(self.errors.get(n) for n in ("at", "unit", "u", "reason")) or self["at"].data or self["reason"].data
            )
        )


def ask_time(form: LabForm, name: str = "at") -> None:
    """What is entered from paper happened when the paper says; “now” is never taken in its place."""
    form.fields[name].required = True
    form.fields[name].error_messages["required"] = NO_TIME


class StartForm(LabForm):
    started_at = LocalInstantField(required=False, label="Started at")
    reason = forms.CharField(required=False, max_length=2000, label="Reason")
    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, sheet: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sheet = sheet
        self.ask_why(ReasonFor.LATE_START)
        if sheet:
            ask_time(self, "started_at")
            self.initial.update(reason_of_sheet(sheet))


class TimerForm(LabForm):
    """Start or stop of a timer. `may_stop` is the instant before which a stop is too soon and needs a reason."""

    step = forms.CharField(widget=forms.HiddenInput)
    event = forms.CharField(widget=forms.HiddenInput)
    at = LocalInstantField(required=False, label="Measured at")
    reason = forms.CharField(required=False, max_length=2000, label="Reason")
    early_reason = forms.CharField(required=False, max_length=2000, label="Reason for stopping early")

    def __init__(self, *args: Any, may_stop: datetime | None = None, paper: Paper | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.may_stop = may_stop
        self.ask_why(ReasonFor.LATE_ENTRY)
        if paper:
            ask_time(self)

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        said = [text.strip() for text in (typed.get("early_reason", ""), typed.get("reason", "")) if text.strip()]
        typed["reason"] = " ".join(dict.fromkeys(said))
        stopped = typed.get("at") or timezone.now()
        if typed.get("event") == "stop" and self.may_stop and stopped < self.may_stop and not said:
            self.add_error("early_reason", "Say why the timer is stopped before its minimum; it opens a deviation.")
        return typed

    @property
    def step_key(self) -> str:
        return str(self["step"].value() or "")

    @property
    def opens_more(self) -> bool:
        return any(name != "early_reason" for name in self.errors) or bool(self["at"].data or self["reason"].data)


class VerificationForm(SignatureForm):
    """The signature of the second person, under the step it is about, as that was shown to them."""

    seen = forms.CharField(max_length=64, widget=forms.HiddenInput)
    step_key = ""


class SeriesVerificationForm(SignatureForm):
    """One attestation of the second person for several steps: `steps` names each with the digest it was shown with."""

    SLUG: ClassVar[str] = "verify-series"
    steps = forms.Field(widget=forms.SelectMultiple, required=False)

    def clean_steps(self) -> dict[str, str]:
        """The digest of what was shown, by step. Nothing chosen is refused by the service."""
        ticked = self.cleaned_data["steps"] or []
        shown = {step: digest for step, _, digest in (text.partition(":") for text in ticked)}
        if len(shown) != len(ticked) or not all(shown.values()):
            raise forms.ValidationError("The steps are not as this page wrote them. Load it again.")
        return shown

    @property
    def chosen(self) -> frozenset[str] | None:
        """The steps that were ticked when this was refused; None where it is new and all of them are."""
        return frozenset(text.split(":")[0] for text in self["steps"].data or []) if self.is_bound else None


class ValueVerificationForm(SignatureForm):
    """The signature of the second person under one value."""

    entry_id = 0
