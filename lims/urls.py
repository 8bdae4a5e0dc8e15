"""Where everything is put together: pages and REST."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("api/v1/", include("lims.urls_rest")),
    path("", include("lims.accounts.urls")),
    path("", include("lims.people.urls")),
    path("", include("qc.urls")),
    path("", include("labeling.urls")),
]
