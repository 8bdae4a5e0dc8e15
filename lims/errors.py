"""Every refusal begins here: a rule of the laboratory said no. `lims.http` turns it into HTTP, once."""

from __future__ import annotations

from typing import Any


class DomainError(Exception):
    """A rule said no.

    `code` is part of the REST interface and never changes its meaning; `message` is a whole sentence for people;
    `details` is JSON that a client may act upon (`field` names the input the sentence belongs to).
    """

    code = "domain_error"
    status = 409

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, Any] = details


class InvalidInput(DomainError):
    """The content of a request cannot be accepted: 422, with the code of the particular fault."""

    code = "invalid"
    status = 422

    def __init__(self, message: str, *, code: str | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        if code is not None:
            self.code = code


class Malformed(DomainError):
    """The shape of a request is wrong: a missing, unknown or unreadable field."""

    code = "malformed"
    status = 400


class NotFound(DomainError):
    code = "not_found"
    status = 404


class PermissionRefused(DomainError):
    code = "permission_refused"
    status = 403


class TrainingRefused(PermissionRefused):
    """The role would allow it, but nobody has recorded a training that counts now."""

    code = "training_missing"

    def __init__(self, message: str, *, code: str | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        if code is not None:
            self.code = code


class SignatureRefused(DomainError):
    """Nothing was signed; `code` says what is missing (`otp_required`) or wrong."""

    code = "signature_refused"
    status = 403

    def __init__(self, message: str, *, code: str | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        if code is not None:
            self.code = code


class SignInRefused(DomainError):
    """Nobody was signed in; `code` says what is missing or wrong."""

    code = "not_signed_in"
    status = 401

    def __init__(self, message: str, *, code: str | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        if code is not None:
            self.code = code


class SegregationOfDuties(DomainError):
    code = "segregation_of_duties"
    status = 409


class IllegalTransition(DomainError):
    code = "illegal_transition"


class NotReleasable(DomainError):
    code = "not_releasable"


class Conflict(DomainError):
    """What was asked for does not fit what is there now; `code` says in which way."""

    code = "conflict"

    def __init__(self, message: str, *, code: str | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        if code is not None:
            self.code = code


class TooFast(DomainError):
    """Asked for too often; `retry_after` says how many seconds to wait."""

    code = "too_fast"
    status = 429


class Stale(DomainError):
    """The page or client acted on an older state of the record."""

    code = "stale"
