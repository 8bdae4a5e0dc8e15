"""What gunicorn serves."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lims.settings")

application = get_wsgi_application()

from lims.people.demo import refuse_demo_accounts  # noqa: E402  # its models are there from now on

refuse_demo_accounts()
