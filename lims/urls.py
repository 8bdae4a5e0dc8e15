"""Where everything is put together: pages and REST."""

from __future__ import annotations

from django.urls import include, path

handler400 = "lims.http.answer_bad_request"
handler404 = "lims.http.answer_not_found"
handler500 = "lims.http.answer_server_error"

urlpatterns = [
    path("api/v1/", include("lims.urls_rest")),
    path("", include("lims.accounts.urls")),
    path("", include("lims.people.urls")),
    path("", include("lims.oversight.urls")),
    path("", include("qc.urls")),
    path("", include("labeling.urls")),
]
