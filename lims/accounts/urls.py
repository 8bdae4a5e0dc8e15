from __future__ import annotations

from django.urls import path

from lims.accounts import views

app_name = "accounts"
urlpatterns = [
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-in/key/", views.ask_key, name="ask-key"),
    path("sign-out/", views.sign_out, name="sign-out"),
]
