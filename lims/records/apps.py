from django.apps import AppConfig


class Config(AppConfig):
    name = "lims.records"
    label = "records"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from lims import celery  # noqa: F401  binds @shared_task in every process; lims/__init__.py stays empty
