"""Answer a repeated request with its first answer (Idempotency-Key)."""

from __future__ import annotations

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils.crypto import salted_hmac

from lims.accounts.models import User
from lims.audit.models import Submission
from lims.errors import Conflict, InvalidInput

ABANDONED_AFTER = timedelta(minutes=2)


def digest_of(*, method: str, path: str, body: bytes) -> str:
    """A keyed digest: a body may hold a password, and a bare hash of it could be guessed from a stolen database."""
    content = b"\0".join([method.encode(), path.encode(), body])
    return salted_hmac("lims.audit.submission", content, algorithm="sha256").hexdigest()


def claim(*, user: User, key: str, request_sha256: str) -> Submission:
    """The submission under this key: new (`status` is None), or the earlier one with its answer.

    Raises InvalidInput where the key was used for another request, Conflict while the first one is still running.
    """
    try:
        with transaction.atomic():
            return Submission.objects.create(user=user, key=key, request_sha256=request_sha256)
    except IntegrityError:
        earlier = Submission.objects.get(user=user, key=key)
    if earlier.request_sha256 != request_sha256:
        raise InvalidInput(
            f"The Idempotency-Key {key} was used before for another request; take a new one.",
            code="idempotency_key_reused",
        )
    if earlier.status is None:
        # Whoever ran it has died by now: a request is ended long before. One repetition takes its place.
        stale = Submission.objects.filter(pk=earlier.pk, status=None, at=earlier.at, at__lt=Now() - ABANDONED_AFTER)
        if stale.update(at=Now()) == 1:
            return earlier
        raise Conflict("The first request with this Idempotency-Key is still running.", code="still_running")
    return earlier


def keep(submission: Submission, *, status: int, answer: object) -> None:
    Submission.objects.filter(pk=submission.pk).update(status=status, answer=answer)


def forget(submission: Submission) -> None:
    """A request that was refused wrote nothing: it may be sent again under the same key."""
    submission.delete()
