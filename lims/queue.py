"""Celery on Redis: how tasks are queued, and what beat rings and how often. Its own settings, which Django needs not.

A task is a doorbell: it may be lost or rung twice, so no result is kept and every row is claimed by who serves it.
"""

from __future__ import annotations

from celery.schedules import schedule
from django.conf import settings

from lims import environment

broker_url = environment.server("REDIS_URL", "redis://127.0.0.1:6379/0")
task_ignore_result = True
task_acks_late = True
task_reject_on_worker_lost = True
task_time_limit = 90
task_soft_time_limit = 75
task_default_queue = "celery"
task_routes = {"lims.records.tasks.render_document": {"queue": "pdf"}}
task_publish_retry_policy = {"max_retries": 1, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.2}
worker_prefetch_multiplier = 1
worker_hijack_root_logger = False
worker_send_task_events = False
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
broker_connection_timeout = 2
broker_transport_options = {
    # A task that outlives the visibility timeout is run again and again: the time limit stays below it.
    "visibility_timeout": 120,
    # Otherwise kombu looks for the messages of a lost worker only every 100 s, whatever the visibility timeout.
    "unacked_restore_interval": 1,
    "unacked_restore_throttle": 1,
    "socket_connect_timeout": 2,
}
timezone = "UTC"
beat_schedule_filename = str(settings.DATA_DIR / "celerybeat-schedule")
beat_max_loop_interval = 5
beat_schedule = {
    "documents-waiting": {
        "task": "lims.records.tasks.sweep_documents",
        "schedule": schedule(3.0),
        "options": {"expires": 3},
    },
    "audit-trail-unsealed": {
        "task": "lims.audit.tasks.seal_audit_trail",
        "schedule": schedule(5.0),
        "options": {"expires": 5},
    },
    "timers-missed": {
        "task": "labeling.tasks.watch_timers",
        "schedule": schedule(30.0),
        "options": {"expires": 30, "queue": "pdf"},
    },
    "conditions-of-the-site": {
        "task": "labeling.tasks.watch_conditions",
        "schedule": schedule(60.0),
        "options": {"expires": 60, "queue": "pdf"},
    },
    "audit-trail-verified": {
        "task": "lims.oversight.tasks.verify_audit_trail",
        "schedule": schedule(60.0),
        "options": {"expires": 60, "queue": "pdf"},
    },
    "restatements-waiting": {
        "task": "labeling.tasks.sweep_restating",
        "schedule": schedule(60.0),
        "options": {"expires": 60},
    },
    "clocks-and-lockouts": {
        "task": "lims.oversight.tasks.look_after",
        "schedule": schedule(60.0),
        "options": {"expires": 60, "queue": "pdf"},
    },
}
