"""The base of the REST views: a repeated Idempotency-Key gets its first answer, an unknown filter a 400."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lims.accounts.models import User
from lims.audit import submissions
from lims.audit.models import Submission
from lims.errors import Conflict, Malformed

LONGEST_KEY = 200
PAGING = ("cursor", "page_size")


def filters_of(view: object) -> tuple[str, ...]:
    """The query parameters that a view understands."""
    return (*getattr(view, "filters", ()), *PAGING)


class _Answered(Exception):
    """Not an error: the request was answered before."""

    def __init__(self, submission: Submission) -> None:
        super().__init__(submission.key)
        self.submission = submission


class Endpoint(APIView):
    submission: Submission | None = None
    filters: tuple[str, ...] = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        key = request.headers.get("Idempotency-Key", "").strip()
        # Read before anybody is signed in: the CSRF check of a session consumes the stream.
        body = request.body if request.method == "POST" and key else b""
        super().initial(request, *args, **kwargs)
        self._refuse_unknown_filters(request)
        _refuse_another_person(request)
        if request.method != "POST" or not key or not isinstance(request.user, User):
            return
        if len(key) > LONGEST_KEY:
            raise Malformed(f"An Idempotency-Key has at most {LONGEST_KEY} characters.", field="Idempotency-Key")
        digest = submissions.digest_of(method=request.method, path=request.get_full_path(), body=body)
        submission = submissions.claim(user=request.user, key=key, request_sha256=digest)
        if submission.status is not None:
            raise _Answered(submission)
        self.submission = submission

    def _refuse_unknown_filters(self, request: Request) -> None:
        """A filter that is misspelled would otherwise answer with everything, as if it were what was asked for."""
        known = filters_of(self)
        unknown = [name for name in request.query_params if name not in known]
        if unknown:
            sentence = f"“{unknown[0]}” is not known here; known are {', '.join(known)}."
            errors = [{"field": name, "code": "unknown_parameter", "detail": sentence} for name in unknown]
            raise Malformed(sentence, errors=errors)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, _Answered):
            headers = {"Idempotency-Replayed": "true"}
            return Response(exc.submission.answer, status=exc.submission.status, headers=headers)
        try:
            return super().handle_exception(exc)
        except Exception:  # a fault of ours: the key is free again, and the fault goes on
            self._settle(None)
            raise

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        answered = super().finalize_response(request, response, *args, **kwargs)
        self._settle(answered if answered.status_code < 300 else None)
        return answered

    def _settle(self, answer: Response | None) -> None:
        submission, self.submission = self.submission, None
        if submission is None:
            return
        if answer is None:
            submissions.forget(submission)
        else:
            submissions.keep(submission, status=answer.status_code, answer=answer.data)


def _refuse_another_person(request: Request) -> None:
    """What one person made and another one's session sends is recorded as neither's (`Oxinate-Person`)."""
    person = request.headers.get("Oxinate-Person", "").strip()
    if person and isinstance(request.user, User) and person != request.user.username:
        raise Conflict(
            f"This was made by {person}, but {request.user.username} is signed in. Nothing was recorded.",
            code="other_person",
        )
