"""What a person has to do before anything else."""

from __future__ import annotations

from lims.accounts.factors import confirmed_factor
from lims.accounts.models import Secret, User


def duty_of(user: User) -> tuple[str, str, str] | None:
    """Code, sentence and page of what this person has to do before anything else."""
    if Secret.objects.filter(user=user, must_change=True).exists():
        return "password_change_required", "Change the password that an administrator set.", "people:password"
    if confirmed_factor(user) is None:
        return "factor_missing", "Set up the second factor first.", "people:factor"
    return None
