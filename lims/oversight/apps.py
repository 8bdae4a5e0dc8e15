from django.apps import AppConfig


class Config(AppConfig):
    name = "lims.oversight"
    label = "oversight"
