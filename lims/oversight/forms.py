from __future__ import annotations

from typing import Any

from django import forms


class AcknowledgeForm(forms.Form):
    comment = forms.CharField(
        max_length=2000, label="What you found and did", widget=forms.Textarea(attrs={"rows": 2}), required=False
    )

    def __init__(self, *args: Any, alarm_id: int, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "auto_id": f"alarm-{alarm_id}-%s"})
        self.fields["comment"].widget.attrs["aria-describedby"] = f"alarm-{alarm_id}-comment-says"
