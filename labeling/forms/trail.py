"""Forms of the audit trail: its review, and what to look for in it."""

from __future__ import annotations

from django import forms

from lims.accounts.forms import SignatureForm


class AuditReviewForm(SignatureForm):
    """`up_to` is the last event that the page showed."""

    up_to = forms.IntegerField(widget=forms.HiddenInput)
