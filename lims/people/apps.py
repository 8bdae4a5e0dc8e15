from django.apps import AppConfig


class Config(AppConfig):
    name = "lims.people"
    label = "people"

    def ready(self) -> None:
        from lims.people import demo  # noqa: F401  # its check registers itself
