from __future__ import annotations

from typing import Any

from django import forms

from lims.accounts.forms import SignatureForm, code_field, key_field
from lims.people.services import GRANTABLE

NEW_PASSWORD = forms.PasswordInput(attrs={"autocomplete": "new-password"})
LENGTH = "At least 12 characters, not a common or leaked one, and none of your last five."

FIRST = "At least 12 characters, and not a common or leaked one."


class PersonForm(forms.Form):
    """What all forms about people share: ids that do not meet on a page, and a place for each refusal."""

    def __init__(self, *args: Any, slug: str, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", f"{slug}-%s")
        super().__init__(*args, **kwargs)
        self.slug = slug
        for name, field in self.fields.items():
            field.widget.attrs.setdefault("aria-describedby", f"{slug}-{name}-says")


def roles_field() -> forms.MultipleChoiceField:
    choices = [(role.value, role.value.replace("_", " ")) for role in GRANTABLE]
    return forms.MultipleChoiceField(choices=choices, widget=forms.SelectMultiple(attrs={"size": str(len(choices))}))


class ReasonForm(PersonForm):
    reason = forms.CharField(max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))


class RolesForm(ReasonForm):
    roles = roles_field()
    field_order = ("roles", "reason")


class ResetPasswordForm(ReasonForm):
    password = forms.CharField(strip=False, max_length=256, widget=NEW_PASSWORD, help_text=FIRST)
    field_order = ("password", "reason")


class IdentityForm(PersonForm):
    how = forms.CharField(
        label="How the identity was checked",
        max_length=400,
        help_text="For example: passport seen, number noted in the personnel file.",
    )


class EnrollForm(PersonForm):
    username = forms.CharField(max_length=64, help_text="Never used before, and never given to anybody else.")
    full_name = forms.CharField(max_length=120, help_text="As it stands in the printed records.")
    roles = roles_field()
    identity = forms.CharField(
        label="How the identity was checked",
        max_length=400,
        help_text="For example: passport seen, number noted in the personnel file.",
    )
    password = forms.CharField(
        label="First password",
        strip=False,
        max_length=256,
        widget=NEW_PASSWORD,
        help_text=f"{FIRST} It has to be changed at the first sign-in.",
    )


class PasswordForm(PersonForm):
    old = forms.CharField(
        label="Present password",
        strip=False,
        max_length=256,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    new = forms.CharField(label="New password", strip=False, max_length=256, widget=NEW_PASSWORD, help_text=LENGTH)
    again = forms.CharField(label="The same again", strip=False, max_length=256, widget=NEW_PASSWORD)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if given.get("new") and given.get("again") and given["new"] != given["again"]:
            self.add_error("again", "The two differ.")
        return given


class AccessReviewForm(SignatureForm):
    """`seen` is the digest of how the accounts stood on the page."""

    conclusion = forms.CharField(
        label="What you conclude",
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="For example: all accounts are needed with these roles; mara is to be closed.",
    )
    seen = forms.CharField(max_length=64, widget=forms.HiddenInput)


class CodeForm(PersonForm):
    otp = forms.CharField(
        label="One-time code",
        max_length=12,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )


class AddKeyForm(PersonForm):
    """A name for a new security key, and all factors that its owner has by now."""

    username = forms.CharField(required=False, max_length=64, disabled=True, widget=forms.HiddenInput)
    name = forms.CharField(max_length=60, help_text="What tells it from your others: blue, on the key ring.")
    password = forms.CharField(
        strip=False, max_length=256, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )
    otp = code_field("Six digits of your authenticator.")
    key = key_field()

    def __init__(self, *args: Any, username: str, **kwargs: Any) -> None:
        super().__init__(*args, initial={"username": username}, **kwargs)


class TouchForm(forms.Form):
    """The answer of a security key, and the name of a new one."""

    key = key_field()
    key.required = True
    name = forms.CharField(required=False, max_length=60)
