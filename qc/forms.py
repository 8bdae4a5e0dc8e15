"""The form of one test result: a value, or the raw data from which the test's formula computes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.forms import BoundField

from labeling.forms.fields import LabForm, LocalInstantField
from labeling.forms.registers import CODE
from lims.accounts.forms import ReasonedSignatureForm, SignatureForm
from lims.audit.reasons import ReasonFor, choices_of, reason_text

REGIONS = 4
REGION = re.compile(r"regions\[(\d)\]\.(\w+)")
NUMBER = {"inputmode": "decimal", "autocomplete": "off"}
SHOWN_RESULT = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})")  # its number, and the digest of what was shown of it
OTHER = "*other*"  # goes with the text beside it
NEVER_BELOW_DETECTION = {"pH", "degC", "K", "s", "min", "h", "d"}
POINTS_HINT = "One line for each count: seconds since the first, count rate, its uncertainty."


class ResultForm(LabForm):
    test = forms.CharField(widget=forms.HiddenInput)
    at = LocalInstantField(required=False, label="Measured at")
    corrects = forms.IntegerField(required=False, widget=forms.HiddenInput)
    reason = forms.CharField(required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(
        self, *args: Any, definition: Mapping[str, Any], product: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> None:
        """`product` is the entry that says when the product was measured: a test made before it says why."""
        self.definition, self.product = definition, product
        self.formula = definition["formula"] or ""
        super().__init__(*args, slug=definition["key"], initial=self._first(definition), **kwargs)
        if self.formula == "radiochemical-purity":
            self._add_regions()
        elif self.formula == "retention":
            self._add_reading("initial", "Cells at the start")
            self._add_reading("later", "Cells at the later time")
        elif self.formula == "half-life-fit":
            self.fields["points"] = forms.CharField(
                label="Counts", help_text=POINTS_HINT, widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"})
            )
        elif self.formula:
            self.fields["inputs"] = forms.JSONField(
                label=f"Raw data for {self.formula.replace('-', ' ')}",
                help_text="The inputs of the formula, as JSON.",
                widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
            )
        else:
            self._add_value()
        self.describe()
        if self.correcting:
            self.ask_why(ReasonFor.CORRECTION, required=True)
        if "other" in self.fields:
            self.fields["value"].error_messages["required"] = "Choose the result."

    @staticmethod
    def _first(definition: Mapping[str, Any]) -> dict[str, Any]:
        return {"test": definition["key"], "corrects": definition["result_id"]}

    @property
    def correcting(self) -> bool:
        """A test with a result is corrected; a first result is recorded."""
        return bool(self.data.get("corrects")) if self.is_bound else self.definition["result_id"] is not None

    @property
    def before_product(self) -> bool:
        """Whether whatever is recorded now is recorded before the product is measured."""
        return self.product is not None and self.product["at"] is None

    def _refuse_early(self, typed: Mapping[str, Any]) -> None:
        """A test of a product that is not there yet is no test of it, unless somebody says why."""
        if self.product is None or typed.get("reason") or "reason" in self.errors:
            return
        at, product_at = typed.get("at"), self.product["at"]
        if product_at is None:
            self.add_error("reason", f"{self.product['label']} is not recorded yet. Say why this is tested before it.")
        elif at is not None and at < datetime.fromisoformat(product_at):
            self.add_error("reason", f"This lies before the product ({self.product['label']}). Say why.")

    def _add_value(self) -> None:
        attrs: dict[str, Any] = {"autocomplete": "off", "data-draft": ""}
        if not self.accepted:
            attrs |= {"inputmode": "decimal", "class": "has-unit"}
            self.fields["value"] = forms.CharField(label="Result", max_length=200, widget=forms.TextInput(attrs=attrs))
            self.fields["equipment"] = forms.CharField(
                required=False, max_length=64, label="Measured on", widget=forms.TextInput(attrs=CODE)
            )
            return
        choices = [*((word, word) for word in self.accepted), (OTHER, "Other (does not conform)")]
        self.fields["value"] = forms.ChoiceField(label="Result", choices=choices, widget=forms.RadioSelect)
        self.fields["other"] = forms.CharField(
            label="What was found instead", required=False, max_length=200, widget=forms.TextInput(attrs=attrs)
        )

    def _add_regions(self) -> None:
        for index in range(REGIONS):
            for part, label in (("name", "Name"), ("counts", "Counts"), ("width", "Width in mm")):
                attrs = {"aria-label": f"{label} of region {index + 1}", **(NUMBER if part != "name" else {})}
                self.fields[f"region_{index}_{part}"] = forms.CharField(
                    required=False,
                    max_length=40,
                    label=f"{label} of region {index + 1}",
                    widget=forms.TextInput(attrs=attrs),
                )
        self.fields["product_region"] = forms.IntegerField(required=False, min_value=0, max_value=REGIONS - 1)
        self.fields["background"] = forms.CharField(
            required=False,
            max_length=40,
            label="Background",
            widget=forms.TextInput(attrs={**NUMBER, "class": "has-unit"}),
        )

    def _add_reading(self, name: str, label: str) -> None:
        attrs = {**NUMBER, "class": "has-unit"}
        self.fields[f"{name}_value"] = forms.CharField(label=label, max_length=40, widget=forms.TextInput(attrs=attrs))
        self.fields[f"{name}_at"] = LocalInstantField(label=f"{label}, measured at")

    def input_named(self, name: str) -> str:
        """`regions[0].gross_counts` of the formula is `region_0_counts` here, `initial` the value of that reading."""
        if found := REGION.fullmatch(name):
            part = {"gross_counts": "counts", "width_mm": "width"}.get(found[2], "name")
            return f"region_{found[1]}_{part}"
        if name.startswith("points"):
            return "points"
        name = {"background_counts_per_mm": "background"}.get(name, name)
        return f"{name}_value" if f"{name}_value" in self.fields else super().input_named(name)

    @property
    def region_errors(self) -> list[str]:
        return [str(error) for name, errors in self.errors.items() if "region" in name for error in errors]

    @property
    def accepted(self) -> list[str]:
        return list(self.definition["criterion"]["accept"])

    @property
    def regions(self) -> list[dict[str, Any]]:
        if "region_0_name" not in self.fields:
            return []
        chosen = str(self["product_region"].value() or "")
        return [
            {
                "index": index,
                "ordinal": index + 1,
                "chosen": chosen == str(index),
                **{part: self[f"region_{index}_{part}"] for part in ("name", "counts", "width")},
            }
            for index in range(REGIONS)
        ]

    @property
    def raw_fields(self) -> list[BoundField]:
        """The inputs of a formula that are shown one below the other."""
        names = ("initial_value", "initial_at", "later_value", "later_at", "points", "inputs")
        return [self[name] for name in names if name in self.fields]

    @property
    def detection_limit(self) -> bool:
        """Whether a result may lie below what can be detected: a quantity that is only to be small."""
        criterion, unit = self.definition["criterion"], self.definition["unit"]
        return criterion["max"] is not None and criterion["min"] is None and unit not in NEVER_BELOW_DETECTION

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        self._refuse_early(typed)
        if "other" in self.fields and not self.errors:
            typed["value"] = self._chosen(typed["value"], typed["other"].strip())
        if self.regions and not self.errors:
            typed["raw"] = self._regions_as_inputs(typed)
        elif "points" in self.fields and typed.get("points"):
            typed["raw"] = self._points_as_inputs(typed["points"])
        elif "initial_value" in self.fields and not self.errors:
            typed["raw"] = {"nuclide": self.definition["nuclide"], **self._readings_as_inputs(typed)}
        elif "inputs" in self.fields and typed.get("inputs") is not None:
            typed["raw"] = typed["inputs"]
        return typed

    def _chosen(self, word: str, other: str) -> str:
        if word != OTHER and other:
            self.add_error("other", f"Either the result is “{word}”, or it is something else: choose one.")
        elif word == OTHER and not other:
            self.add_error("other", "Say what was found.")
        return other if word == OTHER else word

    def _regions_as_inputs(self, typed: Mapping[str, Any]) -> dict[str, Any] | None:
        rows = [
            {
                "name": typed[f"region_{index}_name"],
                "gross_counts": typed[f"region_{index}_counts"],
                "width_mm": typed[f"region_{index}_width"],
            }
            for index in range(REGIONS)
            if typed[f"region_{index}_name"]
        ]
        chosen = typed.get("product_region")
        product = typed.get(f"region_{chosen}_name") if chosen is not None else ""
        if not rows or not product:
            self._refuse_regions(rows)
            return None
        inputs: dict[str, Any] = {"regions": rows, "product": product}
        if typed["background"]:
            inputs["background_counts_per_mm"] = typed["background"]
        return inputs

    def _refuse_regions(self, rows: list[dict[str, Any]]) -> None:
        """Beside what is missing: the names, or which of them is the product."""
        if not rows:
            self.add_error("region_0_name", "Name the regions.")
            return
        names = " or ".join(f"“{row['name']}”" for row in rows)
        self.add_error("product_region", f"Choose which region is the product: {names}.")

    def _points_as_inputs(self, text: str) -> dict[str, Any] | None:
        rows = [line.replace("\t", " ").replace(";", " ").split() for line in text.splitlines() if line.strip()]
        for position, row in enumerate(rows, start=1):
            if len(row) != 3:
                self.add_error("points", f"Line {position} has {len(row)} numbers; it needs three.")
                return None
        return {"points": [dict(zip(("elapsed_s", "rate", "u"), row, strict=True)) for row in rows]}

    @staticmethod
    def _readings_as_inputs(typed: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: {"value": typed[f"{name}_value"], "unit": "MBq", "at": typed[f"{name}_at"].isoformat()}
            for name in ("initial", "later")
        }


class SeriesReviewForm(SignatureForm):
    """One attestation for several results: `results` names each with the digest of what was shown of it."""

    SLUG: ClassVar[str] = "review-series"
    results = forms.Field(widget=forms.SelectMultiple, required=False)

    def clean_results(self) -> dict[int, str]:
        """The digest of what was shown, by result. Nothing chosen is refused by the service."""
        given = self.cleaned_data["results"] or []
        shown = {int(found[1]): found[2] for text in given if (found := SHOWN_RESULT.fullmatch(text))}
        if len(shown) != len(given):
            raise forms.ValidationError("The results are not as this page wrote them. Load it again.")
        return shown

    @property
    def chosen(self) -> frozenset[int] | None:
        """The results that were ticked when this was refused; None where it is new and all of them are."""
        if not self.is_bound:
            return None
        found = (SHOWN_RESULT.fullmatch(text) for text in self["results"].data or [])
        return frozenset(int(match[1]) for match in found if match)


class InvestigationForm(SignatureForm):
    cause = forms.CharField(max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))
    field_order = ("cause", "username", "password", "revision")


class HoldForm(LabForm):
    reason = forms.CharField(max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))
    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, change: ReasonFor = ReasonFor.HOLD, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ask_why(change, required=True)


class RejectForm(ReasonedSignatureForm):
    """The signature of a rejection, with a reason from the list and in words."""

    reason_code = forms.ChoiceField(choices=choices_of(ReasonFor.REJECTION), label="Kind of reason")

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        if "reason" in typed:
            typed["reason"] = reason_text(ReasonFor.REJECTION, typed.get("reason_code", ""), typed["reason"])
        return typed
