from __future__ import annotations

from django.urls import path

from lims.oversight import views

app_name = "oversight"
urlpatterns = [
    path("alarms/", views.alarm_list, name="alarms"),
    path("alarms/<int:pk>/acknowledge/", views.acknowledge, name="acknowledge"),
    path("health/", views.health, name="health"),
]
