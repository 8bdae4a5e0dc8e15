"""Forms of the protocol pages: the editor, a dry run, and down-time sheets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from labeling.domain.dry_run import Example
from labeling.domain.protocol import Field, Protocol
from labeling.forms.fields import LabForm, LocalInstantField
from lims.accounts.forms import SignatureForm

NUMBER = {"inputmode": "decimal", "autocomplete": "off"}


class EditorForm(LabForm):
    document = forms.CharField(
        label="Text of the document",
        strip=False,
        max_length=200_000,
        widget=forms.Textarea(
            attrs={"class": "document", "spellcheck": "false", "wrap": "off", "autocapitalize": "none", "rows": 32}
        ),
    )

    def clean_document(self) -> str:
        return str(self.cleaned_data["document"]).replace("\r\n", "\n")


class ExampleForm(LabForm):
    """One entry of a dry run."""

    value = forms.CharField(required=False, max_length=200, widget=forms.TextInput(attrs=NUMBER))
    at = LocalInstantField(required=False, label="Time")

    def __init__(self, *args: Any, step: str, definition: Field, **kwargs: Any) -> None:
        super().__init__(*args, prefix=f"{step}.{definition.key}", slug=f"{step}-{definition.key}", **kwargs)
        self.step, self.definition = step, definition
        self.fields["value"].label = definition.label
        if definition.options:
            choices = [(option, option) for option in definition.options]
            self.fields["value"] = forms.ChoiceField(choices=choices, label=definition.label)
        elif definition.unit:
            self.fields["value"].widget.attrs["class"] = "has-unit"
        self.describe()

    @property
    def example(self) -> Example:
        given = self.cleaned_data
        at = given.get("at")
        return Example(self.step, self.definition.key, given.get("value", ""), self.definition.unit or "", at)


def example_forms(
    protocol: Protocol, fields: Sequence[tuple[str, Field]], *, data: Any = None, initial: Sequence[Example] = ()
) -> list[ExampleForm]:
    known = {example.name: example for example in initial}
    made = []
    for step, field in fields:
        example = known.get(f"{step}.{field.key}")
        starting = {"value": example.value, "at": _local(example.at)} if example else {}
        made.append(ExampleForm(data, step=step, definition=field, initial=starting))
    return made


def _local(at: Any) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S") if at else ""


class IssueForm(LabForm):
    protocol = forms.ChoiceField()
    issued_to = forms.ChoiceField(label="Issued to")

    def __init__(
        self, *args: Any, protocols: Sequence[tuple[str, str]], people: Sequence[tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        for name, choices in (("protocol", protocols), ("issued_to", people)):
            field = forms.ChoiceField(choices=[("", "Choose"), *choices], label=self.fields[name].label)
            field.widget.attrs["aria-describedby"] = self.says(name)
            self.fields[name] = field


class PaperPlanForm(LabForm):
    identity = forms.CharField(
        required=False,
        max_length=64,
        label="Chain-of-identity number",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class VoidForm(LabForm):
    reason = forms.CharField(max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))


class ScanForm(LabForm):
    file = forms.FileField(
        label="Scan of the filled sheet",
        widget=forms.FileInput(attrs={"accept": "application/pdf,image/png,image/jpeg"}),
    )


class ComparisonForm(SignatureForm):
    """For each field whether paper and entry agree, then the signature of whoever compared them."""

    def __init__(self, *args: Any, names: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label in names:
            self.fields[f"compared.{name}"] = forms.ChoiceField(
                choices=[("agrees", "Agrees"), ("differs", "Differs")],
                required=False,
                label=label,
                widget=forms.RadioSelect,
            )

    @property
    def compared(self) -> dict[str, str]:
        prefix = "compared."
        return {n.removeprefix(prefix): v for n, v in self.cleaned_data.items() if n.startswith(prefix) and v}
