from __future__ import annotations

from typing import Any

from django import forms

from lims.accounts.attestation import Credential


class SignInForm(forms.Form):
    username = forms.CharField(
        max_length=64,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True, "spellcheck": "false"}),
    )
    password = forms.CharField(
        strip=False, max_length=256, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )


class SignatureForm(forms.Form):
    """What a signer types: the components of the signature, and the state of the record that was on the page."""

    username = forms.CharField(
        max_length=64,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}),
    )
    password = forms.CharField(strip=False, max_length=256, widget=forms.PasswordInput(attrs={"autocomplete": "off"}))
    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, slug: str = "sign", **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", f"{slug}-%s")
        super().__init__(*args, **kwargs)
        self.slug = slug
        for field_name, field in self.fields.items():
            field.widget.attrs["aria-describedby"] = f"{self.auto_id}-says" % field_name

    @property
    def credential(self) -> Credential:
        return Credential(username=self.cleaned_data["username"], password=self.cleaned_data["password"])


class ReasonedSignatureForm(SignatureForm):
    """A signature that also says why."""

    reason = forms.CharField(max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))
    field_order = ("reason", "username", "password", "revision")
