from django.apps import AppConfig


class Config(AppConfig):
    name = "lims.people"
    label = "people"
