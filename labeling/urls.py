from __future__ import annotations

from django.urls import path, re_path

from labeling.views import (
    comparison,
    deviations,
    documents,
    downtime,
    dry_run,
    editing,
    instruments,
    lists,
    records,
    stock,
    trail,
    work,
)

app_name = "labeling"
KIND = r"(?P<kind>protocols|specifications)"
DOCUMENT = rf"^{KIND}/(?P<code>[a-z0-9][a-z0-9._-]*)/"
PROTOCOL = r"^protocols/(?P<code>[a-z0-9][a-z0-9._-]*)/(?P<number>\d+)/"
VERSION = rf"^{KIND}/(?P<code>[a-z0-9][a-z0-9._-]*)/(?P<number>\d+)/"

urlpatterns = [
    path("", lists.home, name="today"),
    path("batches/", lists.batches, name="batches"),
    path("batches/new/", lists.plan, name="plan"),
    path("batches/<str:number>/", work.batch, name="batch"),
    path("batches/<str:number>/start/", work.start, name="start"),
    path("batches/<str:number>/entries/", work.entry, name="entry"),
    path("batches/<str:number>/timers/", work.timer, name="timer"),
    path("batches/<str:number>/steps/<str:step>/verify/", work.verify, name="verify"),
    path("batches/<str:number>/complete/", work.complete, name="complete"),
    path("batches/<str:number>/deviations/new/", deviations.report, name="report-deviation"),
    path("batches/<str:number>/deviations/<int:pk>/", deviations.deviation, name="deviation"),
    path("deviations/", deviations.register, name="deviations"),
    path("batches/<str:number>/history/", trail.history, name="history"),
    path("batches/<str:number>/audit-review/", trail.review, name="audit-review"),
    path("batches/<str:number>/records/", records.batch_records, name="batch-records"),
    path("records/", records.records, name="records"),
    path("records/<int:pk>/content/", records.content, name="content"),
    path("stock/", stock.stock, name="stock"),
    path("stock/new/", stock.receive, name="receive"),
    path("stock/<int:pk>/", stock.lot, name="lot"),
    path("stock/<int:pk>/decide/", stock.decide, name="decide-lot"),
    path("instruments/", instruments.register, name="instruments"),
    path("instruments/new/", instruments.new, name="instrument-new"),
    path("instruments/<str:code>/", instruments.instrument, name="instrument"),
    path("instruments/<str:code>/checks/", instruments.check, name="check"),
    path("instruments/<str:code>/calibrations/", instruments.calibrate, name="calibrate"),
    path("protocols/", documents.versions, {"kind": "protocols"}, name="protocols"),
    path("specifications/", documents.versions, {"kind": "specifications"}, name="specifications"),
    re_path(rf"^{KIND}/import/$", documents.import_document, name="import"),
    re_path(rf"^{KIND}/new/$", editing.new, name="new-document"),
    re_path(rf"^{KIND}/check/$", editing.check, name="check-document"),
    re_path(rf"{DOCUMENT}edit/$", editing.edit, name="edit"),
    re_path(rf"{DOCUMENT}compare/$", comparison.compare, name="compare"),
    re_path(rf"{PROTOCOL}dry-run/$", dry_run.dry_run, name="dry-run"),
    re_path(rf"{PROTOCOL}master-record/$", downtime.master_record, name="master-record"),
    re_path(rf"{VERSION}$", documents.version, name="version"),
    re_path(rf"{VERSION}(?P<action>submit|approve|make_effective|retire)/$", documents.move, name="version-move"),
    path("downtime/", downtime.register, name="downtime"),
    path("downtime/<str:number>/", downtime.sheet, name="downtime-sheet"),
    path("downtime/<str:number>/plan/", downtime.plan, name="downtime-plan"),
    path("downtime/<str:number>/void/", downtime.void, name="downtime-void"),
    path("downtime/<str:number>/scans/", downtime.attach, name="downtime-attach"),
    path("downtime/<str:number>/scans/<int:pk>/", downtime.scan, name="downtime-scan"),
    path("downtime/<str:number>/transfer/", downtime.transfer, name="downtime-transfer"),
    path("downtime/<str:number>/reconcile/", downtime.reconcile, name="downtime-reconcile"),
    path("audit/", trail.audit, name="audit"),
    path("audit/export/", trail.export, name="audit-export"),
]
