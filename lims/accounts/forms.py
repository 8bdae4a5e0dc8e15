from __future__ import annotations

from typing import Any

from django import forms

from lims.accounts.attestation import Credential
from lims.accounts.keys import LONGEST


class CodeInput(forms.TextInput):
    """Never shows what was typed: a code is good once, and may be another person's than the page's."""

    def format_value(self, value: Any) -> None:
        return None


class KeyInput(forms.HiddenInput):
    """Never shown again: an answer is good once."""

    def format_value(self, value: Any) -> None:
        return None


def code_field(help_text: str) -> forms.CharField:
    widget = CodeInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false"})
    return forms.CharField(label="One-time code", required=False, max_length=40, help_text=help_text, widget=widget)


def key_field() -> forms.CharField:
    """The answer of a security key, which `keys.js` puts there."""
    return forms.CharField(required=False, max_length=LONGEST, widget=KeyInput)


class SignInForm(forms.Form):
    username = forms.CharField(
        max_length=64,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True, "spellcheck": "false"}),
    )
    password = forms.CharField(
        strip=False, max_length=256, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )
    otp = code_field("Of your authenticator, or a recovery code. Empty only before you have set one up.")
    otp.widget.attrs["inputmode"] = "text"
    key = key_field()


class SignatureForm(forms.Form):
    """What a signer types: the components of the signature, and the state of the record that was on the page."""

    username = forms.CharField(
        max_length=64,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}),
    )
    password = forms.CharField(strip=False, max_length=256, widget=forms.PasswordInput(attrs={"autocomplete": "off"}))
    otp = code_field("Six digits of the signer's authenticator.")
    key = key_field()
    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, slug: str = "sign", **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", f"{slug}-%s")
        super().__init__(*args, **kwargs)
        self.slug = slug
        for field_name, field in self.fields.items():
            field.widget.attrs["aria-describedby"] = f"{self.auto_id}-says" % field_name

    @property
    def credential(self) -> Credential:
        given = self.cleaned_data
        return Credential(username=given["username"], password=given["password"], otp=given["otp"], key=given["key"])


class ReasonedSignatureForm(SignatureForm):
    """A signature that also says why."""

    reason = forms.CharField(max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))
    field_order = ("reason", "username", "password", "otp", "revision")
