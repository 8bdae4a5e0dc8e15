"""The one place where a refusal becomes HTTP: problem+json for REST, the sentence beside the field for pages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import DataError, OperationalError
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from lims.errors import DomainError, Malformed, TooFast

PROBLEM = "application/problem+json"

_CODES = {
    400: "malformed",
    401: "not_signed_in",
    403: "permission_refused",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    415: "unsupported_media_type",
    429: "too_fast",
}


def problem_body(
    *, status: int, code: str, detail: str, errors: list[dict[str, str]], **more: object
) -> dict[str, Any]:
    return {
        "type": f"urn:oxinate:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "errors": errors,
        **more,
    }


def problem_of(refusal: DomainError) -> dict[str, Any]:
    details = dict(refusal.details)
    field = details.pop("field", None)
    errors = details.pop("errors", None) or (
        [{"field": str(field), "code": refusal.code, "detail": refusal.message}] if field else []
    )
    return problem_body(
        status=refusal.status,
        code=refusal.code,
        detail=refusal.message,
        errors=errors,
        **details,
    )


def malformed(fault: exceptions.ValidationError) -> DomainError:
    """A body of the wrong shape, as the refusal that says so: 400 with each field at fault."""
    errors = list(_flat(fault.detail))
    detail = "; ".join(f"{e['field']}: {e['detail']}" if e["field"] else e["detail"] for e in errors)
    return Malformed(detail, errors=errors)


def api_exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    if isinstance(exc, DomainError):
        wait = {"Retry-After": str(exc.details["retry_after"])} if isinstance(exc, TooFast) else {}
        return Response(problem_of(exc), status=exc.status, headers=wait, content_type=PROBLEM)
    if isinstance(exc, DataError):
        return _problem(422, "too_long", "A text or a number is longer than can be kept. Nothing was recorded.")
    if isinstance(exc, OperationalError):
        return _problem(503, "unavailable", "The database does not answer. Nothing was recorded; try again.")
    response = exception_handler(exc, dict(context))
    if response is None:
        return None
    code = _CODES.get(response.status_code, "refused")
    if isinstance(exc, exceptions.ValidationError):
        body = problem_of(malformed(exc))
    else:
        body = problem_body(status=response.status_code, code=code, detail=_sentence(exc), errors=[])
    headers = {name: value for name, value in response.headers.items() if name in {"WWW-Authenticate", "Retry-After"}}
    return Response(body, status=response.status_code, headers=headers, content_type=PROBLEM)


def _problem(status: int, code: str, detail: str) -> Response:
    return Response(
        problem_body(status=status, code=code, detail=detail, errors=[]), status=status, content_type=PROBLEM
    )


def _sentence(exc: Exception) -> str:
    if isinstance(exc, Http404):
        return str(exc) or "There is nothing here under this name."
    if isinstance(exc, PermissionDenied):
        return str(exc) or "You may not do this."
    return str(getattr(exc, "detail", exc))


def _flat(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    """DRF's nested validation errors as one row a field."""
    if isinstance(detail, Mapping):
        for key, value in detail.items():
            name = "" if key == "non_field_errors" else str(key)
            yield from _flat(value, ".".join(part for part in (path, name) if part))
    elif isinstance(detail, list):
        for index, value in enumerate(detail):
            nested = isinstance(value, Mapping | list)
            yield from _flat(value, f"{path}[{index}]" if nested else path)
    else:
        yield {"field": path, "code": str(getattr(detail, "code", "invalid")), "detail": str(detail)}


def answer_bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if _is_rest(request):
        return _problem_page(400, "malformed", "The request cannot be read: its address or its body is not in order.")
    return defaults.bad_request(request, exception or ValueError())


def answer_too_large(request: HttpRequest) -> HttpResponse:
    sentence = "The request is larger than anything that is asked for here."
    if _is_rest(request):
        return _problem_page(413, "too_large", sentence)
    return HttpResponse(sentence, status=413, content_type="text/plain; charset=utf-8")


def answer_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if _is_rest(request):
        return _problem_page(404, "not_found", "There is nothing at this address.")
    return defaults.page_not_found(request, exception or Http404())


def answer_server_error(request: HttpRequest) -> HttpResponse:
    if _is_rest(request):
        return _problem_page(500, "server_error", "Something went wrong here; it is in the log. Nothing was recorded.")
    return defaults.server_error(request)


def _is_rest(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def _problem_page(status: int, code: str, detail: str) -> HttpResponse:
    """A problem answered outside of any view."""
    body = problem_body(status=status, code=code, detail=detail, errors=[])
    return HttpResponse(json.dumps(body), status=status, content_type=PROBLEM)


@contextmanager
def refusals_shown_on(form: Form) -> Iterator[None]:
    """Show a refusal where the reader looks for it: beside the field it names, else above the form."""
    try:
        yield
    except DomainError as refusal:
        field = refusal.details.get("field")
        form.add_error(str(field) if field in form.fields else None, refusal.message)
