from __future__ import annotations

from django.urls import path

from qc.views import disposition, queue, tests

app_name = "qc"
urlpatterns = [
    path("release/", queue.release, name="release"),
    path("batches/<str:number>/tests/", tests.tests, name="tests"),
    path("batches/<str:number>/tests/record/", tests.record, name="result"),
    path("batches/<str:number>/tests/<int:pk>/review/", tests.review, name="review"),
    path("batches/<str:number>/tests/<int:pk>/investigation/", tests.investigate, name="investigate"),
    path("batches/<str:number>/release/", disposition.disposition, name="disposition"),
    path("batches/<str:number>/hold/", disposition.hold, name="hold"),
]
