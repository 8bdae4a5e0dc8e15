"""The Celery application. `lims.records` loads it with Django, so that a unit test imports no framework."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lims.settings")

app = Celery("lims")
app.config_from_object("lims.queue")
app.autodiscover_tasks()
