"""Records of a batch, all records, and whether an uploaded file is one of them."""

from __future__ import annotations

from typing import Any, cast

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from labeling.forms.registers import RecordForm, VerifyForm
from labeling.selectors.batch import document_of, document_row, find_batch
from labeling.selectors.facts import facts_of
from labeling.selectors.history import events_since_record
from labeling.views.activity import activity_now
from labeling.views.pages import Outcome, allowed, batch_frame, carried_out, page, shown
from labeling.views.paging import one_page
from lims.accounts.models import User
from lims.accounts.roles import Permission
from lims.downloads import download
from lims.records.models import Document
from lims.records.selectors import require_content
from lims.records.verification import Verification, verify_pdf


def batch_context(number: str, tab: str) -> dict[str, Any]:
    facts = facts_of(find_batch(number))
    return {**batch_frame(document_of(facts), tab), "activity": activity_now(facts, at=timezone.now())}


@page
@require_safe
def batch_records(request: HttpRequest, number: str) -> HttpResponse:
    return records_of(request, number)


def records_of(
    request: HttpRequest, number: str, outcome: Outcome | None = None, form: RecordForm | None = None
) -> HttpResponse:
    context = batch_context(number, "records")
    since = events_since_record(number)
    may_print = since is not None and allowed(request, Permission.ISSUE_PRINT)
    context["may_package"] = allowed(request, Permission.READ_AUDIT)
    context["since"] = since
    context["record_form"] = form or (RecordForm(slug="record") if may_print else None)
    return shown(request, "labeling/batch_records.html", context, outcome)


@page
@require_http_methods(["GET", "HEAD", "POST"])
def records(request: HttpRequest) -> HttpResponse:
    # Labels stand on the page of what they are stuck on, and under the records of its batch.
    kept = Document.objects.exclude(kind=Document.Kind.LABEL).defer("pdf", "context", "attachments")
    found = one_page(request, kept.order_by("-pk"))
    posted = request.method == "POST"
    form = VerifyForm(request.POST if posted else None, request.FILES if posted else None, slug="verify")
    context: dict[str, Any] = {
        "rows": [
            {**document_row(document), "subject": document.subject, "place": place_of(document)}
            for document in found.rows
        ],
        "older": found.older,
        "form": form,
        "may_package": allowed(request, Permission.READ_AUDIT),
    }
    if not posted:
        return shown(request, "labeling/records.html", context)
    answers: list[Verification] = []
    outcome = carried_out(form, lambda: answers.append(verify_pdf(form.cleaned_data["file"].read())))
    if outcome.done:
        context["verification"] = answers[0]
        known = Document.objects.filter(number=answers[0].number).only("kind", "subject").first()
        context["verified_place"] = place_of(known) if known and answers[0].valid else ""
    return shown(request, "labeling/records.html", context, outcome)


def place_of(document: Document) -> str:
    """The page of what a record is about; none of a label, which may be of anything that is scanned."""
    if document.kind == Document.Kind.LABEL:
        return ""
    if document.kind == Document.Kind.MASTER_RECORD:
        code, _, number = document.subject.rpartition("/")
        return reverse("labeling:version", args=["protocols", code, number])
    if document.kind == Document.Kind.BLANK_WORKSHEET:
        return reverse("labeling:downtime-sheet", args=[document.subject])
    return reverse("labeling:batch-records", args=[document.subject])


@page
@require_safe
def content(request: HttpRequest, pk: int) -> HttpResponse:
    """The stored bytes, never rendered again."""
    document = Document.objects.filter(pk=pk, state=Document.State.SEALED).first()
    if document is None:
        raise Http404("There is no sealed record under this number yet.")
    require_content(cast("User", request.user), document)
    return download(document.content, name=document.file_name, media_type=document.media_type, sha256=document.sha256)
