from __future__ import annotations

from django.urls import path

from qc.views import disposition, inspection, queue, records, refusals, results, reviews

app_name = "qc"
urlpatterns = [
    path("release/", queue.release, name="release"),
    path("refusals/", refusals.refuse, name="refuse"),
    path("batches/<str:number>/tests/", results.tests, name="tests"),
    path("batches/<str:number>/tests/record/", results.record, name="result"),
    path("batches/<str:number>/tests/<int:pk>/review/", reviews.review, name="review"),
    path("batches/<str:number>/tests/review/", reviews.review_series, name="review-series"),
    path("batches/<str:number>/tests/<int:pk>/investigation/", results.investigate, name="investigate"),
    path("batches/<str:number>/release/", disposition.disposition, name="disposition"),
    path("batches/<str:number>/hold/", disposition.hold, name="hold"),
    path("batches/<str:number>/package/", inspection.package, name="package"),
    path("batches/<str:number>/records/new/", records.new_record, name="new-record"),
]
