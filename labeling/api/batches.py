"""Making a batch over REST. Each view reads its input, calls one service, and answers with what is there now."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.api.waiting import as_made
from labeling.domain.quantities import parse_instant
from labeling.models import Batch, Entry
from labeling.selectors.batch import batch_document, entry_row, find_batch, summary_of
from labeling.selectors.facts import BatchFacts, facts_of
from labeling.selectors.history import history_of
from labeling.selectors.lists import batches
from labeling.serializers import (
    CorrectionInput,
    EntryInput,
    PlanInput,
    ReasonInput,
    StartInput,
    StepsVerificationInput,
    StepVerificationInput,
    TimerInput,
    read_with_reason,
)
from labeling.services.completion import complete_batch, hold_batch, resume_batch
from labeling.services.instrument_gate import allow_unchecked
from labeling.services.planning import plan_batch, start_batch
from labeling.services.recording import Reading, correct_entry, record_entry
from labeling.services.timers import record_timer
from labeling.services.verification import verify_entry, verify_step, verify_steps
from lims.accounts.actors import Actor, actor_of
from lims.audit.api import Endpoint
from lims.audit.reasons import ReasonFor
from lims.errors import DomainError, InvalidInput, Stale
from lims.http import malformed, problem_of
from lims.inputs import read_input
from lims.pagination import NewestFirst
from lims.signatures.serializers import SignedInput, credential_of

MOST_ROWS = 500
LONGEST_ETAG = 15


def revision_of(request: Request) -> int | None:
    """The revision a client acts upon, from If-Match: the ETag of the batch as it read it."""
    given = request.headers.get("If-Match", "").strip().removeprefix("W/").strip('"')
    if not given or given == "*":
        return None
    if not (given.isascii() and given.isdigit() and len(given) <= LONGEST_ETAG):
        raise InvalidInput(
            "If-Match must hold the ETag of the batch, a whole number.", code="bad_etag", field="If-Match"
        )
    return int(given)


def batch_answer(number: str, *, status: int = 200) -> Response:
    document = batch_document(number)
    return Response(document, status=status, headers={"ETag": f'"{document["revision"]}"'})


class BatchesApi(Endpoint):
    filters = ("status", "protocol", "product", "identity", "lot", "from", "to")

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        query = request.query_params
        moments: dict[str, Any] = {
            f"planned_{end}": parse_instant(query[end], field=end) for end in ("from", "to") if query.get(end)
        }
        exact: dict[str, Any] = {
            key: query.get(key, "") for key in ("status", "protocol", "product", "identity", "lot")
        }
        pages = NewestFirst()
        page: list[Batch] = pages.paginate_queryset(batches(**exact, **moments), request, view=self) or []
        return pages.get_paginated_response([summary_of(batch) for batch in page])

    @extend_schema(request=PlanInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        batch = plan_batch(actor=actor_of(request), **read_input(PlanInput, request.data))
        return batch_answer(batch.number, status=201)


class StartApi(Endpoint):
    @extend_schema(request=StartInput, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, number: str) -> Response:
        data = read_with_reason(StartInput, request.data, ReasonFor.LATE_START)
        start_batch(actor=actor_of(request), number=number, revision=revision_of(request), **data)
        return batch_answer(number)


class CompleteApi(Endpoint):
    @extend_schema(request=SignedInput, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, number: str) -> Response:
        data = read_input(SignedInput, request.data)
        complete_batch(
            actor=actor_of(request), number=number, credential=credential_of(data), revision=revision_of(request)
        )
        return batch_answer(number)


class HoldApi(Endpoint):
    resume = False

    @extend_schema(request=ReasonInput, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, number: str) -> Response:
        act = resume_batch if self.resume else hold_batch
        data = read_with_reason(ReasonInput, request.data, ReasonFor.RESUME if self.resume else ReasonFor.HOLD)
        act(actor=actor_of(request), number=number, revision=revision_of(request), **data)
        return batch_answer(number)


class EntriesApi(Endpoint):
    @extend_schema(request=EntryInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, number: str) -> Response:
        """One entry, or a list of them with an answer for each: a refused row keeps none of the others back."""
        actor, revision = actor_of(request), revision_of(request)
        if not isinstance(request.data, list):
            entry = _record(actor, number, request.data, revision, request)
            return Response(_answer(facts_of(find_batch(number)), entry), status=201)
        if not 0 < len(request.data) <= MOST_ROWS:
            raise ParseError(f"A list of entries has 1 to {MOST_ROWS} rows; this one has {len(request.data)}.")
        outcomes = [_attempt(actor, number, row, revision if first else None) for first, row in _rows(request.data)]
        facts = facts_of(find_batch(number))
        rows = [
            {"status": 201, **_answer(facts, outcome)}
            if isinstance(outcome, Entry)
            else {"status": outcome.status, "problem": problem_of(outcome)}
            for outcome in outcomes
        ]
        return Response({"rows": rows})


class CorrectionApi(Endpoint):
    @extend_schema(request=CorrectionInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, number: str, entry_id: int) -> Response:
        given = read_with_reason(CorrectionInput, request.data, ReasonFor.CORRECTION)
        data = as_made(request, given, owes_reason=True)
        entry = correct_entry(
            actor=actor_of(request),
            number=number,
            entry_id=entry_id,
            reading=Reading(**data),
            revision=revision_of(request),
        )
        return Response(_answer(facts_of(find_batch(number)), entry), status=201)


class EntryVerificationApi(Endpoint):
    @extend_schema(request=SignedInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, number: str, entry_id: int) -> Response:
        data = read_input(SignedInput, request.data)
        verification = verify_entry(
            actor=actor_of(request),
            number=number,
            entry_id=entry_id,
            credential=credential_of(data),
            revision=revision_of(request),
        )
        facts = facts_of(find_batch(number))
        verified = next(entry for entry in facts.entries if entry.pk == verification.entry_id)
        return Response(_answer(facts, verified), status=201)


class StepVerificationApi(Endpoint):
    @extend_schema(request=StepVerificationInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, number: str, step: str) -> Response:
        data = read_input(StepVerificationInput, request.data)
        verify_step(
            actor=actor_of(request),
            number=number,
            step=step,
            seen=data["seen"],
            credential=credential_of(data),
            revision=revision_of(request),
        )
        return batch_answer(number, status=201)


class StepsVerificationApi(Endpoint):
    @extend_schema(request=StepsVerificationInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, number: str) -> Response:
        data = read_input(StepsVerificationInput, request.data)
        verify_steps(
            actor=actor_of(request),
            number=number,
            shown=data["steps"],
            credential=credential_of(data),
            revision=revision_of(request),
        )
        return batch_answer(number, status=201)


class TimersApi(Endpoint):
    @extend_schema(request=TimerInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, number: str) -> Response:
        data = as_made(request, read_with_reason(TimerInput, request.data, ReasonFor.LATE_ENTRY))
        record_timer(actor=actor_of(request), number=number, revision=revision_of(request), **data)
        return batch_answer(number, status=201)


class HistoryApi(Endpoint):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, number: str) -> Response:
        find_batch(number)
        return Response({"next": None, "previous": None, "results": history_of(number)})


def _record(actor: Actor, number: str, row: Any, revision: int | None, request: Request | None = None) -> Entry:
    data = read_with_reason(EntryInput, row, ReasonFor.LATE_ENTRY)
    if request is not None:
        data = as_made(request, data)
    step, field, allowed = data.pop("step"), data.pop("field"), data.pop("signature")
    if allowed is not None:
        allow_unchecked(
            actor=actor,
            number=number,
            step=step,
            field=field,
            equipment=data["equipment"],
            reason=allowed["reason"],
            credential=credential_of({"signature": allowed}),
        )
    return record_entry(actor=actor, number=number, step=step, field=field, reading=Reading(**data), revision=revision)


def _rows(data: list[Any]) -> list[tuple[bool, Any]]:
    return [(index == 0, row) for index, row in enumerate(data)]


def _attempt(actor: Actor, number: str, row: Any, revision: int | None) -> Entry | DomainError:
    """One row of a list. A stale page refuses the list at its first row, before anything is recorded."""
    try:
        return _record(actor, number, row, revision)
    except ValidationError as fault:
        return malformed(fault)
    except Stale:
        raise
    except DomainError as refusal:
        return refusal


def _answer(facts: BatchFacts, entry: Entry) -> dict[str, Any]:
    row = entry_row(facts, next(known for known in facts.entries if known.pk == entry.pk))
    deviations = [d.text for d in facts.deviations if d.entry_id == entry.pk]
    return {"entry": row, "warnings": [*entry.warnings, *deviations]}
